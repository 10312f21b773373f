//! The files of a simulated shop and their columns.

use perennial_contract::Entity;
use perennial_contract::entity::Kind;

use super::settings::{Events, Settings, Tables};
use super::words::goods::CATEGORIES;

/// One output file. The `Truth…` ones are for judging models and are never imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    Customers,
    Products,
    Orders,
    OrderItems,
    Returns,
    Events,
    Reviews,
    Surveys,
    Tickets,
    Messages,
    Campaigns,
    Offers,
    Touches,
    Consents,
    Truth,
    TruthGuests,
    TruthProducts,
    TruthDirt,
}

impl File {
    pub const ALL: [Self; 18] = [
        Self::Customers,
        Self::Products,
        Self::Orders,
        Self::OrderItems,
        Self::Returns,
        Self::Events,
        Self::Reviews,
        Self::Surveys,
        Self::Tickets,
        Self::Messages,
        Self::Campaigns,
        Self::Offers,
        Self::Touches,
        Self::Consents,
        Self::Truth,
        Self::TruthGuests,
        Self::TruthProducts,
        Self::TruthDirt,
    ];

    pub const fn entity(self) -> Option<Entity> {
        Some(match self {
            Self::Customers => Entity::Customers,
            Self::Products => Entity::Products,
            Self::Orders => Entity::Orders,
            Self::OrderItems => Entity::OrderItems,
            Self::Returns => Entity::Returns,
            Self::Events => Entity::Events,
            Self::Reviews => Entity::Reviews,
            Self::Surveys => Entity::Surveys,
            Self::Tickets => Entity::Tickets,
            Self::Messages => Entity::Messages,
            Self::Campaigns => Entity::Campaigns,
            Self::Offers => Entity::Offers,
            Self::Touches => Entity::Touches,
            Self::Consents => Entity::Consents,
            Self::Truth | Self::TruthGuests | Self::TruthProducts | Self::TruthDirt => return None,
        })
    }

    pub const fn name(self) -> &'static str {
        match (self.entity(), self) {
            (Some(entity), _) => entity.name(),
            (None, Self::TruthGuests) => "truth_guests",
            (None, Self::TruthProducts) => "truth_products",
            (None, Self::TruthDirt) => "truth_dirt",
            (None, _) => "truth",
        }
    }

    /// Whether these settings ask for the file.
    pub fn wanted(self, settings: &Settings) -> bool {
        match self {
            Self::Customers | Self::Products | Self::Orders | Self::OrderItems | Self::Returns | Self::Truth => true,
            Self::Events => settings.tables == Tables::All && settings.events != Events::None,
            Self::TruthDirt => settings.dirt > 0.0,
            _ => settings.tables == Tables::All,
        }
    }

    /// Names and kinds of the columns, in the order in which rows are written. The calendar days (`…_on`) are left out:
    /// import derives them from the instants and the shop's zone.
    pub fn columns(self) -> Vec<(String, Kind)> {
        let Some(entity) = self.entity() else { return self.truth_columns() };
        let column = |name: &str| {
            // Direct identifiers are no columns of the lake; import sends them to the vault.
            let kind = entity.column(name).map_or(Kind::Text, |column| column.kind);
            (name.to_owned(), kind)
        };
        self.names().split(' ').map(column).collect()
    }

    /// The names of the columns, with a space between.
    const fn names(self) -> &'static str {
        match self {
            Self::Customers => {
                "customer_id anonymous_ids created_at country region birth_year gender acquisition_channel email name \
                 phone"
            }
            Self::Products => "product_id name brand category_path category price_cents cost_cents description",
            Self::Orders => {
                "order_id customer_id ordered_at status currency subtotal_cents discount_cents shipping_cents \
                 tax_cents total_cents channel coupon_codes delivered_at promised_at"
            }
            Self::OrderItems => {
                "order_id line_no customer_id ordered_at product_id kind quantity unit_price_cents discount_cents \
                 total_cents currency"
            }
            Self::Returns => {
                "return_id customer_id order_id line_no product_id returned_at quantity amount_cents currency reason"
            }
            Self::Events => "event_id customer_id anonymous_id session_id occurred_at name product_id properties",
            Self::Reviews => "review_id customer_id product_id order_id reviewed_at rating title body language",
            Self::Surveys => "response_id customer_id answered_at kind score comment",
            Self::Tickets => "ticket_id customer_id opened_at closed_at channel topic csat",
            Self::Messages => "message_id ticket_id customer_id sent_at sender body language",
            Self::Campaigns => "campaign_id name channel starts_at ends_at",
            Self::Offers => "offer_id campaign_id kind percent min_spend_cents valid_from valid_to",
            Self::Touches => {
                "touch_id customer_id campaign_id offer_id channel variant holdout propensity sent_at delivered_at \
                 opened_at clicked_at redeemed_at cost_cents"
            }
            Self::Consents => "customer_id purpose channel state decided_at proof",
            Self::Truth | Self::TruthGuests | Self::TruthProducts | Self::TruthDirt => "",
        }
    }

    fn truth_columns(self) -> Vec<(String, Kind)> {
        let list: &[(&str, Kind)] = match self {
            Self::TruthGuests => &[("order_id", Kind::Text), ("customer_id", Kind::Text)],
            Self::TruthProducts => &[
                ("product_id", Kind::Text),
                ("quality", Kind::Float),
                ("return_share", Kind::Float),
                ("popularity", Kind::Float),
            ],
            Self::TruthDirt => &[("table", Kind::Text), ("row", Kind::Count), ("column", Kind::Text), ("kind", Kind::Text)],
            _ => &[
                ("customer_id", Kind::Text),
                ("type", Kind::Text),
                ("orders_per_year", Kind::Float),
                ("leave_share", Kind::Float),
                ("left_at", Kind::Instant),
                ("is_customer_at_end", Kind::Flag),
                ("spend_cents_mean", Kind::Float),
                ("offer_response", Kind::Float),
                ("satisfaction", Kind::Float),
                ("return_factor", Kind::Float),
                ("guest_share", Kind::Float),
                ("future_orders", Kind::Count),
                ("future_spend_cents", Kind::Cents),
            ],
        };
        let mut columns: Vec<_> = list.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        if self == Self::Truth {
            columns.extend(CATEGORIES.iter().map(|category| (format!("taste_{}", category.slug), Kind::Float)));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_canonical_and_none_that_must_be_there_is_missing() {
        for file in File::ALL {
            let names: Vec<String> = file.columns().into_iter().map(|(name, _)| name).collect();
            let Some(entity) = file.entity() else { continue };
            for name in &names {
                let identifier = file == File::Customers && ["email", "name", "phone"].contains(&name.as_str());
                assert!(identifier || entity.column(name).is_some(), "{entity}.{name}");
            }
            for column in entity.columns().iter().filter(|column| !column.nullable && column.kind != Kind::Date) {
                assert!(names.iter().any(|name| name == column.name), "{entity}.{} is missing", column.name);
            }
        }
    }
}
