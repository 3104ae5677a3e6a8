-- Which change of status and limit a row shows. After a bucket has moved, the changes of an account come from two partitions: the later one is known by its number.
ALTER TABLE account_balances ADD COLUMN change_version bigint NOT NULL DEFAULT 0;
