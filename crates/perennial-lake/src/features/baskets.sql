-- Baskets: how many lines, units and different products a customer buys, and at what prices.
-- 购物篮：商品行数、件数、品种与单价
-- key: customer_id; tables: order_items
--
-- Lines of kind `product`, unless said otherwise; those of cancelled orders have a kind of their own. A basket is everything a customer ordered on one day.
--
-- column: order_lines_all | whole | count | 0 | product lines so far | 累计商品行数
-- column: order_lines_90d | whole | count | 0 | product lines in the 90 days before the as-of day | 近90天商品行数
-- column: units_all | whole | count | 0 | units so far | 累计件数
-- column: units_90d | whole | count | 0 | units in the 90 days before the as-of day | 近90天件数
-- column: products_distinct_all | whole | count | 0 | different products so far | 购买过的商品种数
-- column: products_repeat_share | float | share | null | product lines that repeat an earlier product | 重复购买商品占比
-- column: lines_per_basket_mean | float | count | null | product lines per basket | 每篮平均行数
-- column: units_per_basket_mean | float | count | null | units per basket | 每篮平均件数
-- column: unit_price_cents_mean | float | cents | null | mean price of a unit before discount | 平均单价
-- column: unit_price_cents_max | whole | cents | null | highest price of a unit before discount | 最高单价
-- column: charge_cents_share | float | share | null | charges (postage, fees) among the sales, where those are positive | 附加费占比
WITH lines AS (
    SELECT customer_id, ordered_on, CAST($as_of - ordered_on AS INT) AS age_days, product_id, kind, quantity, unit_price_cents,
        discount_cents, total_cents
    FROM order_items WHERE customer_id IS NOT NULL AND ordered_on < $as_of
), totals AS (
    SELECT customer_id, SUM(CASE WHEN kind = 'product' THEN 1 ELSE 0 END) AS order_lines,
        SUM(CASE WHEN kind = 'product' AND age_days <= 90 THEN 1 ELSE 0 END) AS order_lines_90d,
        SUM(CASE WHEN kind = 'product' THEN quantity ELSE 0 END) AS units,
        SUM(CASE WHEN kind = 'product' AND age_days <= 90 THEN quantity ELSE 0 END) AS units_90d,
        COUNT(DISTINCT CASE WHEN kind = 'product' THEN product_id END) AS products,
        SUM(CASE WHEN kind = 'product' THEN total_cents + discount_cents ELSE 0 END) AS gross_cents,
        MAX(CASE WHEN kind = 'product' THEN unit_price_cents END) AS unit_price_cents_max,
        SUM(CASE WHEN kind = 'charge' THEN total_cents ELSE 0 END) AS charge_cents, SUM(total_cents) AS sold_cents
    FROM lines GROUP BY customer_id
), product_days AS (
    SELECT customer_id, ordered_on FROM lines WHERE kind = 'product' GROUP BY customer_id, ordered_on
), baskets AS (
    SELECT customer_id, COUNT(*) AS baskets FROM product_days GROUP BY customer_id
)
SELECT t.customer_id, t.order_lines AS order_lines_all, t.order_lines_90d, t.units AS units_all, t.units_90d,
    t.products AS products_distinct_all,
    CAST(t.order_lines - t.products AS DOUBLE) / CAST(NULLIF(t.order_lines, 0) AS DOUBLE) AS products_repeat_share,
    CAST(t.order_lines AS DOUBLE) / CAST(b.baskets AS DOUBLE) AS lines_per_basket_mean,
    CAST(t.units AS DOUBLE) / CAST(b.baskets AS DOUBLE) AS units_per_basket_mean,
    CAST(t.gross_cents AS DOUBLE) / CAST(NULLIF(t.units, 0) AS DOUBLE) AS unit_price_cents_mean,
    t.unit_price_cents_max,
    CASE WHEN t.sold_cents > 0 THEN CAST(t.charge_cents AS DOUBLE) / CAST(t.sold_cents AS DOUBLE) END AS charge_cents_share
FROM totals t LEFT JOIN baskets b ON b.customer_id = t.customer_id
