-- Names are found whatever the case of their letters, and not of ASCII's alone. folded() is the program's own (src/store/sqlite_casefold.c). What it
-- makes of a name is kept in a column: an index of the function itself could be used and checked by this program alone.
ALTER TABLE candidates ADD COLUMN folded_name TEXT;
UPDATE candidates SET folded_name = folded(name) WHERE name IS NOT NULL;
DROP INDEX candidates_by_name;
DROP INDEX candidates_by_last_name;
CREATE INDEX candidates_by_name ON candidates (organization_id, folded_name, id) WHERE folded_name IS NOT NULL;
CREATE INDEX candidates_by_last_name ON candidates (organization_id, substr(folded_name, instr(folded_name, ' ') + 1), id) WHERE instr(folded_name, ' ') > 0;
