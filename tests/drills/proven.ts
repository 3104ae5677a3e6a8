import { join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { EvidenceTable } from '../kit/evidence.ts';

/** runbooks/PROVEN.md: the pages that a drill has passed by. */
export const PROVEN: EvidenceTable = {
  file: join(PROJECT, 'runbooks/PROVEN.md'),
  names: 'page',
  figures: ['back after (s)', 'no write for (s)', 'RPO (s)', 'acknowledged', 'lost'],
  sourcesOf: (page) => [`runbooks/procedures/${page}.md`, `tests/drills/${page}.drill.ts`],
};
