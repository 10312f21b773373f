-- Categories: what kinds of product a customer buys.
-- 品类：偏好的商品类别与集中程度
-- key: customer_id; tables: order_items, products
--
-- Lines of kind `product` whose product has a category. A product counts from its `valid_from` on; its category is the one known today.
--
-- column: category_top | text | name | null | category with most lines, the first by name among equals | 首选品类
-- column: category_top_share | float | share | null | lines in that category | 首选品类占比
-- column: category_concentration | float | share | null | sum of squared category shares: 1 when all lines are of one category | 品类集中度
-- column: categories_distinct_all | whole | count | 0 | different categories so far | 购买过的品类数
-- column: categories_distinct_90d | whole | count | 0 | different categories in the 90 days before the as-of day | 近90天品类数
WITH counted AS (
    SELECT i.customer_id, p.category, COUNT(*) AS order_lines,
        MAX(CASE WHEN CAST($as_of - i.ordered_on AS INT) <= 90 THEN 1 ELSE 0 END) AS in_90d
    FROM order_items i JOIN products p ON p.product_id = i.product_id
    WHERE i.customer_id IS NOT NULL AND i.ordered_on < $as_of AND i.kind = 'product' AND p.category IS NOT NULL
        AND (p.valid_from IS NULL OR p.valid_from < $as_of_at)
    GROUP BY i.customer_id, p.category
), ranked AS (
    SELECT customer_id, category, order_lines, in_90d,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY order_lines DESC, category) AS place
    FROM counted
), totals AS (
    SELECT customer_id, MAX(CASE WHEN place = 1 THEN category END) AS category_top, MAX(order_lines) AS top_lines,
        SUM(order_lines) AS order_lines, SUM(order_lines * order_lines) AS line_squares, COUNT(*) AS categories,
        SUM(in_90d) AS categories_90d
    FROM ranked GROUP BY customer_id
)
SELECT customer_id, category_top, CAST(top_lines AS DOUBLE) / CAST(order_lines AS DOUBLE) AS category_top_share,
    CAST(line_squares AS DOUBLE) / CAST(order_lines * order_lines AS DOUBLE) AS category_concentration,
    categories AS categories_distinct_all, categories_90d AS categories_distinct_90d
FROM totals
