-- The tests that come after this one work as if the tables were distributed over several nodes.
CREATE TABLE batch_skus (reference text COLLATE "C" PRIMARY KEY, sku text COLLATE "C" NOT NULL);
ALTER DATABASE :DBNAME SET allocation.distributed = on;
