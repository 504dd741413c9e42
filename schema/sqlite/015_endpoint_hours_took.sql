-- How long deliveries took, from their receipt to their being durable: how many an hour were done within so many ms, and not within the
-- number before. The last has what took longer, too.
ALTER TABLE endpoint_hours ADD COLUMN took_5 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_10 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_25 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_50 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_100 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_250 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_1000 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint_hours ADD COLUMN took_10000 BIGINT NOT NULL DEFAULT 0;
