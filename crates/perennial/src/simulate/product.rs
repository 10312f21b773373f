//! The assortment: 720 products with a price, a popularity and a hidden quality.

use super::draw::{Draw, accumulate};
use super::words::goods::{BRANDS, CATEGORIES};
use super::words::{Both, Language};

/// Cheap, middle, dear.
pub const TIERS: usize = 3;
const TIER_PRICE: [f64; TIERS] = [0.55, 1.0, 1.9];

pub struct Product {
    pub id: String,
    pub category: usize,
    pub brand: &'static str,
    pub name: String,
    pub name_zh: String,
    pub price_cents: i64,
    pub cost_cents: i64,
    /// 0 to 1; what reviews and returns follow.
    pub quality: f64,
    pub return_share: f64,
    pub popularity: f32,
}

impl Product {
    pub fn name_in(&self, language: Language) -> &str {
        match language {
            Language::En => &self.name,
            Language::Zh => &self.name_zh,
        }
    }
}

/// The products of one category and price tier, ready to be drawn by popularity.
#[derive(Default)]
struct Shelf {
    products: Vec<u32>,
    cumulative: Vec<f32>,
    /// Mean price weighted by popularity.
    price_cents_mean: f64,
}

pub struct Assortment {
    pub products: Vec<Product>,
    shelves: Vec<Shelf>,
}

impl Assortment {
    pub fn draw(draw: &mut Draw) -> Self {
        let (mut products, mut shelves) = (Vec::new(), Vec::new());
        for (number, category) in CATEGORIES.iter().enumerate() {
            let mut of_category: [Shelf; TIERS] = Default::default();
            for (rank, (thing, style)) in
                category.things.iter().flat_map(|t| category.styles.iter().map(move |s| (t, s))).enumerate()
            {
                let tier = (rank + rank / category.styles.len()) % TIERS;
                let product = one(draw, (number, tier), (*thing, *style), products.len());
                of_category[tier].products.push(products.len() as u32);
                of_category[tier].cumulative.push(product.popularity);
                products.push(product);
            }
            shelves.extend(of_category);
        }
        for shelf in &mut shelves {
            let weights: f64 = shelf.cumulative.iter().map(|&w| f64::from(w)).sum();
            let priced = |(&w, &p): (&f32, &u32)| f64::from(w) * products[p as usize].price_cents as f64;
            shelf.price_cents_mean = shelf.cumulative.iter().zip(&shelf.products).map(priced).sum::<f64>() / weights;
            accumulate(&mut shelf.cumulative);
        }
        Self { products, shelves }
    }

    /// A product of a category and tier, popular ones more often.
    #[inline]
    pub fn choose(&self, draw: &mut Draw, category: usize, tier: usize) -> u32 {
        let shelf = &self.shelves[category * TIERS + tier];
        let at = draw.unit() as f32 * shelf.cumulative.last().copied().unwrap_or(0.0);
        let index = shelf.cumulative.partition_point(|&c| c <= at).min(shelf.products.len() - 1);
        shelf.products[index]
    }

    pub fn price_cents_mean(&self, category: usize, tier: usize) -> f64 {
        self.shelves[category * TIERS + tier].price_cents_mean
    }
}

fn one(draw: &mut Draw, (category, tier): (usize, usize), (thing, style): (Both, Both), number: usize) -> Product {
    let facts = &CATEGORIES[category];
    let price = facts.price_cents_median * TIER_PRICE[tier] * libm::exp(0.22 * draw.normal());
    // Shops like prices that end in 5 just below a round number.
    let price_cents = ((price / 50.0).round() as i64 * 50 - 5).max(195);
    let quality = draw.beta(8.0, 3.0);
    let english = format!("{} {}", style.en, thing.en);
    let chinese = format!("{}{}", style.zh, thing.zh);
    // Goods that came with a Chinese name keep it on the label.
    let name = if category == 0 { format!("{english} {chinese}") } else { english };
    Product {
        id: format!("P{:05}", 10_000 + number),
        category,
        brand: draw.pick_word(&BRANDS),
        name,
        name_zh: chinese,
        price_cents,
        cost_cents: (price_cents as f64 * draw.between(0.38, 0.72)).round() as i64,
        quality,
        return_share: (facts.return_share * (1.6 - quality) * libm::exp(0.3 * draw.normal())).min(0.6),
        // A long tail: a few products sell a hundred times what most sell.
        popularity: libm::exp(1.1 * draw.normal()) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::super::draw::Purpose;
    use super::*;

    #[test]
    fn products_are_distinct_and_sold_above_cost() {
        let assortment = Assortment::draw(&mut Draw::stream(1, 0, Purpose::Shop));
        assert_eq!(assortment.products.len(), 720);
        let mut names: Vec<_> = assortment.products.iter().map(|p| (p.category, p.name.clone())).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 720);
        for product in &assortment.products {
            assert!(product.cost_cents > 0 && product.cost_cents < product.price_cents, "{}", product.id);
            assert!((0.0..=0.6).contains(&product.return_share), "{}", product.id);
        }
    }

    #[test]
    fn dear_shelves_are_dearer() {
        let assortment = Assortment::draw(&mut Draw::stream(1, 0, Purpose::Shop));
        for category in 0..CATEGORIES.len() {
            let price = |tier| assortment.price_cents_mean(category, tier);
            assert!(price(0) < price(1) && price(1) < price(2), "category {category}");
        }
    }
}
