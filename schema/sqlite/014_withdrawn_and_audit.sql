-- An event that subscribers were told of may be taken back: its delivery is found by its email, and marked.
ALTER TABLE webhook_deliveries ADD COLUMN withdrawn SMALLINT NOT NULL DEFAULT 0; -- 1: not told any more, and if told, taken back
ALTER TABLE webhook_deliveries ADD COLUMN claims BIGINT NOT NULL DEFAULT 0; -- after which it was sent, whether or not we know its end
CREATE INDEX webhook_deliveries_by_email ON webhook_deliveries (organization_id, email_log_id) WHERE kind = 0;

-- The audit log has a right of its own (C-82): administrators have it, others where it was granted.
ALTER TABLE users ADD COLUMN reads_audit SMALLINT NOT NULL DEFAULT 0;
