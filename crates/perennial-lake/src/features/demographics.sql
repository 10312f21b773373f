-- Demographics: what the shop knows about the person.
-- 人口属性：地区、性别、年龄与来源
-- key: customer_id; tables: customers
--
-- Taken as unchanging: the value known today stands for every as-of day. A customer record created on or after the as-of day is not
-- known yet; one without `created_on` always is.
--
-- column: country | text | name | null | country | 国家
-- column: region | text | name | null | region | 地区
-- column: gender | text | name | null | gender | 性别
-- column: acquisition_channel | text | name | null | where the customer came from | 获客渠道
-- column: age_years | whole | years | null | year of the as-of day less the year of birth | 年龄
-- column: signup_age_days | whole | days | null | as-of day less the day the record was created | 注册天数
SELECT customer_id, country, region, gender, acquisition_channel, EXTRACT(YEAR FROM $as_of) - birth_year AS age_years,
    CAST($as_of - created_on AS INT) AS signup_age_days
FROM customers WHERE created_on IS NULL OR created_on < $as_of
