-- facets: how many products on sale with a photo match: in all (no facet), and by each value.
SELECT
    CASE 0
        WHEN grouping(i.gender) THEN 'gender'
        WHEN grouping(i.master_category) THEN 'master_category'
        WHEN grouping(i.sub_category) THEN 'sub_category'
        WHEN grouping(i.article_type) THEN 'article_type'
        WHEN grouping(i.base_colour) THEN 'base_colour'
        WHEN grouping(i.season) THEN 'season'
        WHEN grouping(i.usage) THEN 'usage'
    END AS facet,
    coalesce(
        i.gender, i.master_category, i.sub_category, i.article_type, i.base_colour, i.season, i.usage
    ) AS value,
    count(*) AS products
FROM filter_items(%(filter)s) AS i
WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
    AND i.image_path IS NOT NULL
GROUP BY GROUPING SETS (
    (), (i.gender), (i.master_category), (i.sub_category), (i.article_type), (i.base_colour),
    (i.season), (i.usage)
)
ORDER BY facet, value
