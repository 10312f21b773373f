//! One learned tree: questions and leaf values, in an order that cannot loop.

use serde::{Deserialize, Serialize};

use super::matrix::{Column, Kind, Schema};
use super::params::{DEPTH_MAX, LEAVES_MAX};
use super::split::{BinSet, has};

/// What a node asks of a row; "yes" goes left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Rule {
    /// Is the number at most this?
    AtMost { threshold: f64, missing_left: bool },
    /// Is the category code one of these bits?
    In(BinSet),
}

/// A side of a node: another node, or a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Node(u32),
    Leaf(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    pub feature: u32,
    pub rule: Rule,
    pub left: Side,
    pub right: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaf {
    /// Added to the margin; the learning rate is in it.
    pub value: f64,
    /// Training rows that ended here.
    pub rows: u64,
}

/// Node 0 is the root; a node's children have higher numbers. Without nodes, leaf 0 answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub leaves: Vec<Leaf>,
}

impl Node {
    /// Whether a row goes left.
    #[inline]
    pub fn asks(&self, columns: &[Column], row: usize) -> bool {
        match (&self.rule, &columns[self.feature as usize]) {
            (Rule::AtMost { threshold, missing_left }, Column::Number(values)) => {
                let value = values[row];
                if value.is_nan() { *missing_left } else { value <= *threshold as f32 }
            }
            (Rule::In(set), Column::Category(codes)) => has(set, codes[row]),
            // `Tree::check` and `Booster` compare rules and columns with the schema, so this is not reached.
            _ => false,
        }
    }
}

impl Tree {
    /// The number of the leaf a row ends in.
    #[inline]
    pub fn leaf(&self, columns: &[Column], row: usize) -> usize {
        if self.nodes.is_empty() {
            return 0;
        }
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            match if node.asks(columns, row) { node.left } else { node.right } {
                Side::Node(next) => at = next as usize,
                Side::Leaf(leaf) => return leaf as usize,
            }
        }
    }

    /// Training rows below each node.
    pub fn rows(&self) -> Vec<u64> {
        let mut rows = vec![0_u64; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            rows[at] = [node.left, node.right].map(|side| self.side_rows(&rows, side)).iter().sum();
        }
        rows
    }

    pub fn side_rows(&self, node_rows: &[u64], side: Side) -> u64 {
        match side {
            Side::Node(at) => node_rows[at as usize],
            Side::Leaf(at) => self.leaves[at as usize].rows,
        }
    }

    /// Says what is wrong with a tree from a file: after this no walk over it can fail or run in a circle.
    pub fn check(&self, schema: &Schema) -> Result<(), String> {
        if self.leaves.len() != self.nodes.len() + 1 || self.leaves.len() > LEAVES_MAX {
            return Err(format!(
                "{} nodes and {} leaves do not make a tree of up to {LEAVES_MAX} leaves",
                self.nodes.len(),
                self.leaves.len()
            ));
        }
        let mut node_depth = vec![0_usize; self.nodes.len()];
        let mut leaf_seen = vec![false; self.leaves.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            check_rule(node, schema).map_err(|what| format!("node {at} {what}"))?;
            if (at > 0 && node_depth[at] == 0) || node_depth[at] >= DEPTH_MAX {
                return Err(format!("node {at} is not reached once, or lies {DEPTH_MAX} or more deep"));
            }
            for side in [node.left, node.right] {
                let free = match side {
                    Side::Node(next) => {
                        let depth = node_depth[at] + 1;
                        let slot = (next as usize > at).then(|| node_depth.get_mut(next as usize)).flatten();
                        slot.is_some_and(|slot| std::mem::replace(slot, depth) == 0)
                    }
                    Side::Leaf(next) => leaf_seen.get_mut(next as usize).is_some_and(|seen| !std::mem::replace(seen, true)),
                };
                if !free {
                    return Err(format!("node {at} points to {side:?}, which is missing, above it or has another parent"));
                }
            }
        }
        match self.leaves.iter().position(|leaf| !leaf.value.is_finite() || leaf.rows == 0 || leaf.rows > 1 << 40) {
            Some(at) => Err(format!("leaf {at} has no finite value or no rows")),
            None => Ok(()),
        }
    }
}

fn check_rule(node: &Node, schema: &Schema) -> Result<(), String> {
    match (schema.features.get(node.feature as usize).map(|feature| &feature.kind), &node.rule) {
        (Some(Kind::Number), Rule::AtMost { threshold, .. })
            if f64::from(*threshold as f32) == *threshold && threshold.is_finite() =>
        {
            Ok(())
        }
        (Some(Kind::Category(_)), Rule::In(_)) => Ok(()),
        (None, _) => Err(format!("asks feature {} of {}", node.feature, schema.features.len())),
        _ => Err("has a rule that does not fit its feature".to_owned()),
    }
}
