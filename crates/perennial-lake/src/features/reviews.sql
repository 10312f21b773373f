-- Reviews: what a customer says about what was bought.
-- 评价：数量与评分
-- key: customer_id; tables: reviews
--
-- column: reviews_all | whole | count | 0 | reviews so far | 累计评价数
-- column: review_rating_mean | float | stars | null | mean rating, 1 to 5 | 平均评分
-- column: review_rating_min | whole | stars | null | lowest rating | 最低评分
-- column: review_rating_last | whole | stars | null | rating of the last review | 最近评分
-- column: days_since_last_review | whole | days | null | as-of day less the day of the last review | 距上次评价天数
WITH placed AS (
    SELECT customer_id, rating, CAST($as_of - reviewed_on AS INT) AS age_days,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY reviewed_on DESC, reviewed_at DESC, review_id DESC) AS place
    FROM reviews WHERE customer_id IS NOT NULL AND reviewed_on < $as_of
)
SELECT customer_id, COUNT(*) AS reviews_all, CAST(SUM(rating) AS DOUBLE) / CAST(COUNT(*) AS DOUBLE) AS review_rating_mean,
    MIN(rating) AS review_rating_min, MAX(CASE WHEN place = 1 THEN rating END) AS review_rating_last,
    MIN(age_days) AS days_since_last_review
FROM placed GROUP BY customer_id
