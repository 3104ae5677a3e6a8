import { expect, test } from '@jest/globals';
import { bytesASample, estimate, type Measured } from './prometheus-estimate.ts';

const measured: Measured = {
  up_s: 3_600, series: 6_000, samples_a_second: 400, full_chunks: 10_000, full_chunks_bytes: 1_800_000, compacted_bytes: 0, compacted_samples: 0, series_created_an_hour: 0, memory_mib: 150, resident_mib: 160,
};

test('what was made into blocks counts more than chunks that have yet to be', () => {
  expect(bytesASample(measured)?.bytes).toBe(1.5);
  expect(bytesASample({ ...measured, compacted_bytes: 130, compacted_samples: 100 })?.bytes).toBe(1.3);
  expect(bytesASample({ ...measured, full_chunks: 0 })).toBeUndefined();
});

test('an estimate that is beyond what is wanted could read like one that is not', () => {
  // 400 x 1,296,000 x 1.5 bytes = 742 MiB.
  expect(estimate(measured, 500).join('\n')).toMatch(/= 518 M samples x 1\.50 bytes .* = 742 MiB;.*Together 775 MiB \(at most 500 MiB: NO/);
  expect(estimate({ ...measured, samples_a_second: 200 }, 500).join('\n')).toMatch(/Together 396 MiB \(at most 500 MiB: yes/);
  expect(estimate({ ...measured, memory_mib: 501 }, 500).join('\n')).toMatch(/at most 500 MiB wanted: NO/);
});
