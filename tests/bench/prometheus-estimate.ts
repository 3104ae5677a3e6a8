/** What Prometheus says of itself on a platform that runs. */
export interface Measured {
  readonly up_s: number;
  readonly series: number;
  readonly samples_a_second: number;
  /** Chunks of 120 samples that are full and on disk, not yet in a block, and their bytes with all that is around them. */
  readonly full_chunks: number;
  readonly full_chunks_bytes: number;
  /** What has been made into blocks: nothing in the first three hours. */
  readonly compacted_bytes: number;
  readonly compacted_samples: number;
  /** New series: what a container that is started anew brings. */
  readonly series_created_an_hour: number;
  readonly memory_mib: number;
  readonly resident_mib: number;
}

const RETENTION_S = 15 * 86_400;
const SAMPLES_A_CHUNK = 120;
/** Blocks grow to a tenth of the retention. */
const BLOCKS = 10;
/** Of the index of a block: labels, postings and the places of its chunks; some 150 to 300 in blocks of such metrics. */
const INDEX_BYTES_A_SERIES = 300;
/** The write-ahead log holds up to three hours, compressed. */
const LOG_S = 3 * 3_600;
const LOG_BYTES_A_SAMPLE = 4;
const MIB = 2 ** 20;

/** The bytes of a sample: of blocks, where there are any; else of full chunks; else not known yet. */
export function bytesASample({ compacted_bytes, compacted_samples, full_chunks, full_chunks_bytes }: Measured): { bytes: number; from: string } | undefined {
  if (compacted_samples > 0) return { bytes: compacted_bytes / compacted_samples, from: 'of what was made into blocks' };
  if (full_chunks > 0) return { bytes: full_chunks_bytes / (full_chunks * SAMPLES_A_CHUNK), from: `${full_chunks} full chunks of ${SAMPLES_A_CHUNK}, headers included` };
  return undefined;
}

/** Lines of a report: memory as measured, disk as computed, each step shown. */
export function estimate(measured: Measured, most_mib: number): string[] {
  const { up_s, series, samples_a_second, series_created_an_hour, memory_mib, resident_mib } = measured;
  const lines = [
    '## Prometheus with fifteen days of retention', '',
    `Up for ${Math.round(up_s / 60)} minutes. ${series} series, ${samples_a_second.toFixed(0)} samples a second, ${series_created_an_hour.toFixed(0)} new series an hour.`, '',
    `- **Memory**: ${memory_mib.toFixed(0)} MiB that its container cannot give back, ${resident_mib.toFixed(0)} MiB resident; at most ${most_mib} MiB wanted: ${memory_mib <= most_mib ? 'yes' : 'NO'}. Retention adds nothing to it: `
      + 'blocks are files, of which the kernel keeps in memory what is asked for.',
  ];
  const sample = bytesASample(measured);
  if (!sample) return [...lines, '- **Disk**: not known yet: no chunk is full in the first half hour.'];
  const samples = samples_a_second * RETENTION_S;
  const [values, index, log] = [samples * sample.bytes, (series + series_created_an_hour * (RETENTION_S / BLOCKS / 3_600)) * INDEX_BYTES_A_SERIES * BLOCKS, samples_a_second * LOG_S * LOG_BYTES_A_SAMPLE];
  const total = values + index + log;
  return [
    ...lines,
    `- **Disk**: ${samples_a_second.toFixed(0)} samples/s x ${RETENTION_S} s = ${(samples / 1e6).toFixed(0)} M samples x ${sample.bytes.toFixed(2)} bytes (${sample.from}) = ${(values / MIB).toFixed(0)} MiB; `
      + `index: (${series} series + ${series_created_an_hour.toFixed(0)} an hour in blocks of ${RETENTION_S / BLOCKS / 3_600} h) x ${INDEX_BYTES_A_SERIES} bytes x ${BLOCKS} blocks = ${(index / MIB).toFixed(0)} MiB; `
      + `write-ahead log: ${LOG_S / 3_600} h x ${LOG_BYTES_A_SAMPLE} bytes a sample = ${(log / MIB).toFixed(0)} MiB. Together ${(total / MIB).toFixed(0)} MiB (at most ${most_mib} MiB: ${total / MIB <= most_mib ? 'yes' : 'NO'}; \`retention.size\` ends it at 4 GB).`,
  ];
}
