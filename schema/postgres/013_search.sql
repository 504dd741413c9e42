-- Names are found whatever the case of their letters, and not only of those that the database's locale knows ("C": ASCII's alone). ICU's lower() knows
-- all of them. Two letters have more than one form of lower case: ß is found as ss, and the sigma that ends a word as any other.
-- A server that was built without ICU has only its locale.
DO $do$
BEGIN
    EXECUTE format($f$
        CREATE OR REPLACE FUNCTION folded(value TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $b$
            SELECT CASE WHEN pg_catalog.octet_length(value) = pg_catalog.char_length(value) THEN pg_catalog.lower(value COLLATE pg_catalog."C")
                ELSE pg_catalog.replace(pg_catalog.replace(pg_catalog.lower(value COLLATE pg_catalog.%I) COLLATE pg_catalog."C", 'ß', 'ss'), 'ς', 'σ') END
        $b$ $f$, CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu') THEN 'und-x-icu' ELSE 'default' END);
END
$do$;
-- Kept in a column, as on SQLite: folded once when it is written.
ALTER TABLE candidates ADD COLUMN folded_name TEXT COLLATE "C";
UPDATE candidates SET folded_name = folded(name) WHERE name IS NOT NULL;
DROP INDEX candidates_by_name;
DROP INDEX candidates_by_last_name;
CREATE INDEX candidates_by_name ON candidates (organization_id, folded_name, id) WHERE folded_name IS NOT NULL;
CREATE INDEX candidates_by_last_name ON candidates (organization_id, substr(folded_name, strpos(folded_name, ' ') + 1), id) WHERE strpos(folded_name, ' ') > 0;
