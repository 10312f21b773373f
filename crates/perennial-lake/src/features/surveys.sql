-- Surveys: what a customer answers when asked.
-- 问卷：净推荐值与满意度
-- key: customer_id; tables: surveys
--
-- column: surveys_all | whole | count | 0 | answers so far | 累计问卷数
-- column: nps_score_last | whole | points | null | last answer to `nps`, 0 to 10 | 最近净推荐值
-- column: csat_score_mean | float | points | null | mean answer to `csat` | 平均满意度
WITH placed AS (
    SELECT customer_id, kind, score,
        ROW_NUMBER() OVER (PARTITION BY customer_id, kind ORDER BY answered_on DESC, answered_at DESC, response_id DESC) AS place
    FROM surveys WHERE answered_on < $as_of
)
SELECT customer_id, COUNT(*) AS surveys_all, MAX(CASE WHEN kind = 'nps' AND place = 1 THEN score END) AS nps_score_last,
    CAST(SUM(CASE WHEN kind = 'csat' THEN score END) AS DOUBLE)
        / CAST(NULLIF(SUM(CASE WHEN kind = 'csat' THEN 1 ELSE 0 END), 0) AS DOUBLE) AS csat_score_mean
FROM placed GROUP BY customer_id
