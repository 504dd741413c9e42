-- A key may end by itself.
ALTER TABLE api_keys ADD COLUMN expires_at BIGINT; -- NULL: never
