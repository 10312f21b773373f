-- Margins: what the sales leave after the cost of the goods.
-- 毛利：销售额扣除商品成本后的余额
-- key: customer_id; tables: order_items, products
--
-- Lines of kind `product` whose product has a cost. A product counts from its `valid_from` on; its cost is the one known today.
--
-- column: margin_cents_share | float | share | null | what those sales leave after the cost of the goods, where they are positive | 毛利占比
WITH costed AS (
    SELECT i.customer_id, SUM(i.total_cents) AS sold_cents, SUM(i.quantity * p.cost_cents) AS cost_cents
    FROM order_items i JOIN products p ON p.product_id = i.product_id
    WHERE i.customer_id IS NOT NULL AND i.ordered_on < $as_of AND i.kind = 'product' AND p.cost_cents IS NOT NULL
        AND (p.valid_from IS NULL OR p.valid_from < $as_of_at)
    GROUP BY i.customer_id
)
SELECT customer_id,
    CASE WHEN sold_cents > 0 THEN CAST(sold_cents - cost_cents AS DOUBLE) / CAST(sold_cents AS DOUBLE) END AS margin_cents_share
FROM costed
