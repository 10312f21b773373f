//! A model card: what a model is, what it saw, how it did, where it must not be used. Markdown, one file beside the model.

use std::fmt::Write;

/// One line of a card's metric table.
pub struct MetricRow {
    pub group: String,
    pub values: Vec<(String, f64)>,
}

/// What a card says.
pub struct Card {
    pub title: String,
    pub task: String,
    pub question: String,
    pub period: String,
    pub cuts: Vec<String>,
    pub rows: usize,
    pub base_rate: Option<f64>,
    pub features: Vec<String>,
    pub metrics: Vec<MetricRow>,
    pub verdict: String,
    pub limits: Vec<String>,
    pub seed: u64,
    pub data: String,
}

impl Card {
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("# {} v{{version}} ({})\n\n{}\n\n## Data\n\n", self.title, self.task, self.question);
        let _ = writeln!(text, "- Period: {}", self.period);
        let _ = writeln!(text, "- Training cut-offs: {}", self.cuts.join(", "));
        let _ = writeln!(text, "- Training rows: {}", self.rows);
        if let Some(rate) = self.base_rate {
            let _ = writeln!(text, "- Base rate in the test window: {rate:.4}");
        }
        let _ = writeln!(text, "- Snapshot: {}\n- Seed: {}\n\n## Verdict\n\n{}\n", self.data, self.seed, self.verdict);
        self.push_metrics(&mut text);
        let _ = writeln!(text, "## Features ({})\n\n{}\n\n## Limits\n", self.features.len(), self.features.join(", "));
        for limit in &self.limits {
            let _ = writeln!(text, "- {limit}");
        }
        text
    }

    fn push_metrics(&self, text: &mut String) {
        let Some(first) = self.metrics.first() else { return };
        let names: Vec<&str> = first.values.iter().map(|(name, _)| name.as_str()).collect();
        let _ = writeln!(text, "## Metrics on the test window\n\n| group | {} |", names.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
        for row in &self.metrics {
            let values: Vec<String> = row.values.iter().map(|(name, value)| number(name, *value)).collect();
            let _ = writeln!(text, "| {} | {} |", row.group, values.join(" | "));
        }
        text.push('\n');
    }
}

/// A count as a count, a measurement with four decimals.
fn number(name: &str, value: f64) -> String {
    match name {
        "customers" => format!("{value:.0}"),
        _ if value.is_finite() => format!("{value:.4}"),
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn counts_are_printed_as_counts() {
        assert_eq!((number("customers", 2433.0), number("ece", 0.0123)), ("2433".to_owned(), "0.0123".to_owned()));
        assert_eq!(number("auroc", f64::NAN), "–");
    }
}
