//! A rising curve known at a few places with its slope: what is it in between, and where does it reach a value?
//!
//! Assumes  places rise strictly, values do not fall, and the curve is smooth between two places.
//! Input    places, values and slopes [n], n ≥ 2.
//! Output   the value at a place and the place of a value; outside the ends the ends.
//! Cost     a binary search and a few steps on one cubic.
//! Ref      Fritsch & Carlson (1980), SIAM J. Numer. Anal. 17(2): cubic Hermite interpolation.

use std::borrow::Cow;

/// Newton steps on one cubic; four give every digit that the interpolation has.
const STEPS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Curve<'at> {
    pub at: Cow<'at, [f64]>,
    pub value: Vec<f64>,
    pub slope: Vec<f64>,
}

impl Curve<'_> {
    pub fn first(&self) -> (f64, f64) {
        (self.at[0], self.value[0])
    }

    pub fn last(&self) -> (f64, f64) {
        let end = self.value.len() - 1;
        (self.at[end], self.value[end])
    }

    pub fn value(&self, at: f64) -> f64 {
        let right = self.at.partition_point(|place| *place <= at);
        if right == 0 {
            return self.value[0];
        }
        if right == self.at.len() {
            return self.value[right - 1];
        }
        let cubic = self.cubic(right);
        cubic.value((at - self.at[right - 1]) / cubic.width).clamp(self.value[right - 1], self.value[right])
    }

    pub fn inverse(&self, value: f64) -> f64 {
        let right = self.value.partition_point(|known| *known < value);
        if right == 0 {
            return self.at[0];
        }
        if right == self.value.len() {
            return self.at[right - 1];
        }
        let cubic = self.cubic(right);
        self.at[right - 1] + cubic.width * cubic.share(value)
    }

    fn cubic(&self, right: usize) -> Cubic {
        let (left, width) = (right - 1, self.at[right] - self.at[right - 1]);
        Cubic {
            width,
            from: self.value[left],
            to: self.value[right],
            slopes: [self.slope[left] * width, self.slope[right] * width],
        }
    }
}

/// One piece, its place given as a share of its width.
struct Cubic {
    width: f64,
    from: f64,
    to: f64,
    slopes: [f64; 2],
}

impl Cubic {
    fn value(&self, s: f64) -> f64 {
        let [left, right] = self.slopes;
        let (rise, rest) = (self.to - self.from, 1.0 - s);
        self.from + s * s * (3.0 - 2.0 * s) * rise + s * rest * (rest * left - s * right)
    }

    fn slope(&self, s: f64) -> f64 {
        let [left, right] = self.slopes;
        let rest = 1.0 - s;
        6.0 * s * rest * (self.to - self.from) + rest * (1.0 - 3.0 * s) * left + s * (3.0 * s - 2.0) * right
    }

    /// Newton's steps, kept between what is known to be too low and too high.
    fn share(&self, value: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        let mut s = (value - self.from) / (self.to - self.from);
        for _ in 0..STEPS {
            let off = self.value(s) - value;
            if off > 0.0 {
                high = s
            } else {
                low = s
            }
            let next = s - off / self.slope(s);
            s = if next >= low && next <= high { next } else { 0.5 * (low + high) };
        }
        s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_places_it_follows_an_exponential_and_back() {
        let at: Vec<f64> = (0..=40).map(|i| 0.1 * f64::from(i)).collect();
        let value = at.iter().map(|y| -libm::expm1(-y)).collect();
        let slope = at.iter().map(|y| libm::exp(-y)).collect();
        let curve = Curve { at: at.into(), value, slope };
        for i in 1..400 {
            let y = 0.009_97 * f64::from(i);
            assert!((curve.value(y) + libm::expm1(-y)).abs() < 3e-7, "{y}");
            assert!((curve.inverse(curve.value(y)) - y).abs() < 1e-9, "{y}");
        }
        assert_eq!((curve.value(-1.0), curve.inverse(2.0)), (0.0, 4.0));
    }

    #[test]
    fn a_flat_piece_has_a_place_too() {
        let curve =
            Curve { at: vec![0.0, 1.0, 2.0, 3.0].into(), value: vec![0.0, 0.5, 0.5, 1.0], slope: vec![0.5, 0.0, 0.0, 0.5] };
        assert!((curve.value(1.5) - 0.5).abs() < 1e-15);
        assert!((1.0..=2.0).contains(&curve.inverse(0.5)));
    }
}
