CREATE TABLE "accounts" (
    "id" VARCHAR(36) NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "phone" VARCHAR(32),
    "push_name" TEXT,
    "desired" VARCHAR(32) NOT NULL,
    "status" VARCHAR(32) NOT NULL,
    "cause" VARCHAR(32) NOT NULL,
    "detail" JSONB,
    "since" TIMESTAMPTZ NOT NULL,
    "restarts" INT NOT NULL,
    "linked" BOOL NOT NULL,
    "attempt" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "accounts" IS 'The accounts as they stand';
CREATE TABLE "events" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "account_id" VARCHAR(36) NOT NULL,
    "seq" BIGINT NOT NULL,
    "type" VARCHAR(32) NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "data" JSONB NOT NULL,
    CONSTRAINT "uid_events_account_65852c" UNIQUE ("account_id", "seq")
);
COMMENT ON TABLE "events" IS 'The log of all accounts';
CREATE TABLE "tortoise_migrations" (
    "id" SERIAL NOT NULL PRIMARY KEY,
    "app" VARCHAR(255) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "applied_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_tortoise_mi_app_3803a5" UNIQUE ("app", "name")
);
CREATE INDEX "idx_accounts_created_3e227a" ON "accounts" ("created_at", "id");
CREATE INDEX "idx_events_account_dbb8d1" ON "events" ("account_id", "id");
INSERT INTO "accounts" VALUES
    ('3f2a9c1d5e7b8046', 'Kundendienst 🏪', '491700000001', 'Über uns', 'connected', 'CONNECTED', 'ready',
     '{"build": "2.3000"}', '2026-11-01 10:00:02.123456+00:00', 2, '1', 3, 3, '2026-11-01 09:00:00.654321+00:00');
INSERT INTO "accounts" VALUES
    ('a1b2c3d4e5f60718', 'Sales', NULL, NULL, 'disconnected', 'DISCONNECTED', 'created',
     NULL, '2026-11-01 09:00:01+00:00', 0, '0', 0, 1, '2026-11-01 09:00:01+00:00');
INSERT INTO "events" ("account_id", "seq", "type", "at", "data") VALUES
    ('3f2a9c1d5e7b8046', 1, 'status', '2026-11-01 09:00:00.654321+00:00', '{"status": "DISCONNECTED"}'),
    ('a1b2c3d4e5f60718', 1, 'status', '2026-11-01 09:00:01+00:00', '{"status": "DISCONNECTED"}'),
    ('3f2a9c1d5e7b8046', 2, 'message', '2026-11-01 10:00:01+00:00', '{"text": "Grüß Gott 🏪"}'),
    ('3f2a9c1d5e7b8046', 3, 'status', '2026-11-01 10:00:02.123456+00:00', '{"status": "CONNECTED"}');
INSERT INTO "tortoise_migrations" ("app", "name", "applied_at") VALUES
    ('store', '0001_initial', '2026-11-01 08:00:00+00:00');
