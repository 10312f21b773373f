//! One name for one happening: what trackers call it, and the Segment e-commerce name in snake case that the lake uses.

use std::borrow::Cow;

use super::mask::{EMAIL, holds_at, masked};

/// Other names in use: Google Analytics 4, Braze, and older spellings.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("view_item_list", "product_list_viewed"),
    ("view_search_results", "products_searched"),
    ("search", "products_searched"),
    ("view_item", "product_viewed"),
    ("select_item", "product_clicked"),
    ("add_to_cart", "product_added"),
    ("remove_from_cart", "product_removed"),
    ("view_cart", "cart_viewed"),
    ("begin_checkout", "checkout_started"),
    ("add_shipping_info", "checkout_step_completed"),
    ("add_payment_info", "payment_info_entered"),
    ("purchase", "order_completed"),
    ("refund", "order_refunded"),
    ("view_promotion", "promotion_viewed"),
    ("select_promotion", "promotion_clicked"),
    ("add_to_wishlist", "product_added_to_wishlist"),
    ("session_start", "session_started"),
    ("page_view", "page_viewed"),
    ("screen_view", "screen_viewed"),
    ("viewed_product", "product_viewed"),
    ("viewed_product_category", "product_list_viewed"),
    ("added_product", "product_added"),
    ("removed_product", "product_removed"),
    ("completed_order", "order_completed"),
    ("order_placed", "order_completed"),
    ("order_canceled", "order_cancelled"),
    ("email_open", "email_opened"),
    ("email_click", "email_link_clicked"),
    ("email_clicked", "email_link_clicked"),
    ("email_unsubscribed", "unsubscribed"),
    ("users_messages_email_open", "email_opened"),
    ("users_messages_email_click", "email_link_clicked"),
    ("users_messages_email_unsubscribe", "unsubscribed"),
    ("users_behaviors_purchase", "order_completed"),
    ("users_behaviors_app_sessionstart", "session_started"),
];

/// `Product Viewed`, `view_item` and `productViewed` are all `product_viewed`.
#[must_use]
pub fn canonical(name: &str) -> Cow<'_, str> {
    let bytes = name.as_bytes();
    let is_snake = bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
        && !name.starts_with('_')
        && !name.ends_with('_')
        && !name.contains("__");
    if is_snake {
        return known(name).map_or(Cow::Borrowed(name), Cow::Borrowed);
    }
    // Without its dots and its `@` an address would be found no more.
    match holds_at(name) {
        true => Cow::Owned(snake_case(&masked(name).replace(EMAIL, " somebody "))),
        false => Cow::Owned(snake_case(name)),
    }
}

fn known(snake: &str) -> Option<&'static str> {
    OTHER_NAMES.iter().find(|(other, _)| *other == snake).map(|(_, name)| *name)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for c in name.trim().chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && after_lower {
                snake.push('_');
            }
            after_lower = c.is_lowercase() || c.is_numeric();
            snake.extend(c.to_lowercase());
        } else {
            after_lower = false;
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
        }
    }
    let snake = snake.trim_end_matches('_');
    known(snake).unwrap_or(snake).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_trackers_become_one() {
        for (name, expected) in [
            ("Product Viewed", "product_viewed"),
            ("view_item", "product_viewed"),
            ("productViewed", "product_viewed"),
            ("Order Completed", "order_completed"),
            ("purchase", "order_completed"),
            ("users.messages.email.Open", "email_opened"),
            (" Loyalty  Card-Shown ", "loyalty_card_shown"),
            ("bob@shop.example clicked", "somebody_clicked"),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }
}
