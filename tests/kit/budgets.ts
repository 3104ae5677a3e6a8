/** The one table of how long things may take, in milliseconds. A test waits for an event within a budget, never for the clock. */

/** From an acknowledged transfer to its trace in Kafka, the audit chain, Elasticsearch, reports and metrics. */
export const EVERYWHERE = 10_000;
/** Prometheus scrapes every 15 s, so a counter may be one interval and a scrape late. */
export const SCRAPED = 30_000;
/** From the first request to something on every panel: a rate wants two scrapes with something in between, and some figures are asked for once a minute. */
export const DRAWN = 150_000;
/** An Alertmanager that was started anew knows of no alert until Prometheus tells it of each again, once a minute. */
export const TOLD_ANEW = 90_000;
/** From kill -9 of any container's main process to a healthy platform, without help. */
export const HEALED = 60_000;
/** The same while many clients go on, and faults come one after the other: a Keycloak that starts anew shares the cores with all of them (148 s where four instances did, on two). */
export const HEALED_AT_WORK = 240_000;
/** From the return of a stopped store to everything having caught up. */
export const CAUGHT_UP = 60_000;
/** A checkpoint of the audit trail is written every minute. */
export const SIGNED = 90_000;
/** From the end of a hold's time to the money being free again: looked for every second, by one replica. */
export const HOLD_RELEASED = 10_000;

/** From the return of Elasticsearch or of the shipper to ten minutes of a thousand lines a second being searchable. */
export const LOGS_CAUGHT_UP = 300_000;

// Drills: from the disaster to the end of its page, and money moving on every shard. Twice to three times what it takes on two idle cores, as `up`, which most pages end
// with, took 32 s where three other platforms ran on them, and 108 s where those were tested.

/** Clients at work: until there is something to lose, and until each shard acknowledges again. */
export const MONEY_MOVES = 60_000;
/** Patroni waits 20 s for a leader that left no trace; then a node is made anew from the repository. */
export const LEADER_LOST = 300_000;
export const REPLICA_LOST = 300_000;
/** A container is made anew, empty. */
export const REDIS_LOST = 240_000;
/** It starts in 20 s where nothing else does, and has the audit chain copied into it, and then the lines of the day, which are added to those that have come since. */
export const ELASTICSEARCH_LOST = 600_000;
/** A broker, its topics, and every event once more. */
export const KAFKA_LOST = 480_000;
/** One component with a certificate that nobody believes. */
export const CERTIFICATE_EXPIRED = 240_000;
export const LOGS_STOPPED = 240_000;
export const REALM_DAMAGED = 240_000;
/** Keycloak is told, and who reads it is restarted; then a whole `up`. */
export const SECRET_LEAKED = 300_000;
/** Nothing is broken: a switchover, and both nodes in step again. */
export const SWITCHED_OVER = 120_000;
/** All files of a cluster's backups are read twice, and a full backup is taken, perhaps after one that the scheduler takes. */
export const BACKUP_DAMAGED = 600_000;
/** From a disk without a byte left to Postgres refusing for it; and from a checkpoint to its being felled. */
export const DISK_FELT = 60_000;
/** Both, then room is made, and the node is started again and catches up. */
export const DISK_FULL = 420_000;
/** Migrations that are refused, and an `up` that changes nothing. */
export const UPGRADE_FAILED = 300_000;
/** The whole trail is verified, and written out. */
export const AUDIT_TAMPERED = 240_000;
/** A backup and its WAL, a replica of it, then a whole `up` and the ledger's verification. */
export const CLUSTER_LOST = 600_000;
/** The same for every cluster at once, with a proof of each before it is served. */
export const POINT_IN_TIME_RESTORE = 900_000;
/** Every cluster from the repository, then the whole platform from nothing. */
export const MACHINE_LOST = 900_000;
/** WAL leaves every 30 s (`archive_timeout`), and takes a moment. */
export const MACHINE_LOST_RPO = 60_000;
export const WAL_ARCHIVED = 90_000;

// A Postgres cluster alone, whose leader is lost in every way.

/** From any loss of a Postgres node to a leader with a replica in step: Patroni's 20 s, a rebuilding from the repository, and the other tests on the machine. */
export const CLUSTER_WHOLE = 180_000;
/** Until a replica leads, when the leader and the repository are lost together: nothing asks for the repository for long. */
export const LEADS_ALONE = 60_000;
/** Until a router that asks Docker every second for its servers' addresses goes by the new ones. */
export const ADDRESS_FOLLOWED = 30_000;
/** A thousand rows by 32 writers, each waiting for two disks. */
export const WRITTEN = 60_000;
/** Until writers that can get no answer all stand still. */
export const ALL_WAIT = 30_000;
