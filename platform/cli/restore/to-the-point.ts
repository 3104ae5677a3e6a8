import { nearing } from './nearing.ts';
import { awaited, type ClusterUndertaking, type Stage, type Undertaking } from './undertaking.ts';

/** About what services and nodes take to stop. */
const STOPPED_WITHIN_MS = 6_000;

type Say = (detail: string) => void;

/** What a restore to a point does, each as a whole. */
export interface Parts {
  archive(): Promise<void>;
  /** Copies a backup; tells how many percent of it are there. */
  fetch(part: ClusterUndertaking, say: Say, at: (percent: number) => void): Promise<void>;
  /** Replays the WAL of a copy, tells when it has begun to, and opens it once it may. */
  recover(part: ClusterUndertaking, say: Say, begun: () => void, mayOpen: () => Promise<void>): Promise<void>;
  /** Services and nodes. */
  stop(say: Say): Promise<void>;
}

/**
 * Services and nodes stop when the copies will soon be there; where they were there before an interruption, when their WAL is replayed again. To open what was recovered
 * waits until all have stopped. Where a copy or a recovery fails before that, nothing is stopped.
 */
export function toThePoint(undertaking: Pick<Undertaking, 'clusters' | 'done'>, { archive, fetch, recover, stop }: Parts): Stage {
  const archiving = awaited(undertaking, { name: 'archive', run: archive });
  const clusters = undertaking.clusters.map((part) => {
    const soon = Promise.withResolvers<void>();
    const isCopied = undertaking.done.includes(`fetch ${part.cluster}`);
    const copying = awaited(undertaking, { name: `fetch ${part.cluster}`, run: (say: Say) => fetch(part, say, nearing(STOPPED_WITHIN_MS, soon.resolve)) });
    const recovering = awaited(undertaking, { name: `recover ${part.cluster}`, run: async (say: Say) => {
      await archiving.passed;
      await recover(part, say, soon.resolve, () => silence.passed);
    } });
    const soonThere = isCopied ? soon.promise : Promise.race([copying.passed, soon.promise]);
    return { cluster: part.cluster, copying, recovering, soonThere };
  });
  const silence = awaited(undertaking, { name: 'silence', run: async (say: Say) => {
    await Promise.race([Promise.all(clusters.map(({ soonThere }) => soonThere)), Promise.all(clusters.map(({ recovering }) => recovering.passed))]);
    await stop(say);
  } });
  // Nobody waits for these where there is nothing to stop any more.
  for (const { soonThere } of clusters) soonThere.catch(() => undefined);
  return {
    name: 'recover', label: 'the backups beside what is there, and recovery to the point',
    // Theirs come first: where one of them fails, it is the reason why the others did.
    lanes: [...clusters.map(({ cluster, copying, recovering }) => ({ cluster, works: [copying, recovering] })), { cluster: '', works: [archiving, silence] }],
  };
}
