/** The one table of how long things may take, in milliseconds. A test waits for an event within a budget, never for the clock. */

/** From an acknowledged transfer to its trace in Kafka, the audit chain, Elasticsearch, reports and metrics. */
export const EVERYWHERE = 10_000;
/** Prometheus scrapes every 15 s, so a counter may be one interval and a scrape late. */
export const SCRAPED = 30_000;
/** From kill -9 of any container's main process to a healthy platform, without help. */
export const HEALED = 60_000;
/** The same while many clients go on, and faults come one after the other: a Keycloak that starts anew shares the cores with all of them (148 s where four instances did, on two). */
export const HEALED_AT_WORK = 240_000;
/** From the return of a stopped store to everything having caught up. */
export const CAUGHT_UP = 60_000;
/** From the end of a hold's time to the money being free again: looked for every second, by one replica. */
export const HOLD_RELEASED = 10_000;
