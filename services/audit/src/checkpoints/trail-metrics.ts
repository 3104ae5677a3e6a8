import { gauge } from '@holdfast/kit/metrics';

/** Set by what looks at the new (`checkpoint`) and by what looks at the old (`patrol`). */
export const broken = gauge('audit_trail_broken', '1 while the trail is not what its checkpoints say: see ./holdfast audit verify', ['found_by']);
