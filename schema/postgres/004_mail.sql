-- Received mail: a refused delivery may be one of mail, and candidates are found by the address that a reply comes from.
ALTER TABLE failed_deliveries ADD COLUMN inbound SMALLINT NOT NULL DEFAULT 0; -- 1: received mail, not events
CREATE INDEX candidates_by_email ON candidates (organization_id, lower(email)) WHERE email IS NOT NULL;
