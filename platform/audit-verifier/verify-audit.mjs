#!/usr/bin/env node
// Verifies an export of Holdfast's audit trail with nothing but this file, the export and the public key. Node 20.12 or newer; no packages, no network, no database.
// What it reads and what it proves: FORMAT.md beside it. It shares no code with the service that wrote the trail.
import { createPublicKey, hash, verify } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createGunzip } from 'node:zlib';

/**
 * @typedef {{ name: string, id: string, key: import('node:crypto').KeyObject }} Key
 * @typedef {{ by: string, why: string, kept: number }} Restore
 * @typedef {{ place: number, origin: string, size: number, root: string, time_ms: number, head: string, previous: string, epoch: number, restore: Restore | undefined, note: string }} Checkpoint
 * @typedef {{ fault: string, where: string, why: string }} Finding
 * @typedef {{ checkpoint: number, time: string, by: string, why: string, gave_up: string | null }} AuthorisedRestore
 * @typedef {{
 *   verdict: 'intact' | 'broken', kind: string, entries: number, first_entry: number | null, last_entry: number | null, hidden_entries: number, unsigned_entries: number,
 *   checkpoints: number, checkpoints_met: number, last_checkpoint: { size: number, time: string, root: string } | null, findings: Finding[], findings_count: number, restores: AuthorisedRestore[],
 * }} Result
 * @typedef {{ keys: string[], copies?: { name: string, text: string }[], onProgress?: (entries: number) => void }} Options
 */

const FORMAT = 'holdfast-audit-export-1';
const CLOCK_TOLERANCE_MS = 60_000;
const FINDINGS_SHOWN = 100;
const ZEROS = '0'.repeat(64);
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');

/** @param {string} text as `holdfast audit key` prints it: name+id+base64 (C2SP signed-note) @returns {Key} */
function keyOf(text) {
  const [, name = '', id = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const typed = Buffer.from(encoded, 'base64');
  if (name === '' || typed.length !== 33 || typed[0] !== 1) throw new Error(`"${text.trim().slice(0, 100)}" is not a public key: name+id+key, as ./holdfast audit key prints it`);
  if (hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'hex').slice(0, 8) !== id) throw new Error(`the public key of ${name} was copied wrongly: its id does not fit`);
  return { name, id, key: createPublicKey({ key: Buffer.concat([PUBLIC_DER, typed.subarray(1)]), format: 'der', type: 'spki' }) };
}

/** @param {string} note @param {number} place @param {readonly Key[]} keys @returns {Checkpoint | string} the checkpoint, or why it is none */
function checkpointOf(note, place, keys) {
  const [text = '', signatures = '', ...more] = note.split('\n\n');
  const lines = text.split('\n');
  const [origin = '', size = '', root = ''] = lines;
  const field = (/** @type {string} */ name) => lines.slice(3).find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const [time, head, previous, epoch, restore] = ['time', 'head', 'previous', 'epoch', 'restore'].map(field);
  const time_ms = Date.parse(time ?? '');
  const isWhole = /^\d{1,15}$/.test(size) && /^[A-Za-z0-9+/]{43}=$/.test(root) && !Number.isNaN(time_ms) && /^[0-9a-f]{64}$/.test(head ?? '') && /^[0-9a-f]{64}$/.test(previous ?? '') && /^\d{1,9}$/.test(epoch ?? '');
  if (!isWhole || more.length > 0) return 'it is not a checkpoint';
  for (const line of signatures.trimEnd().split('\n')) {
    const [, name = '', encoded = ''] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const signature = Buffer.from(encoded, 'base64');
    const key = keys.find((one) => one.name === name && one.id === signature.subarray(0, 4).toString('hex'));
    if (!key) continue;
    if (key.name !== origin || !verify(null, Buffer.from(`${text}\n`), key.key, signature.subarray(4))) return 'its signature is not of what it says';
    /** @type {Restore | undefined} */
    let record;
    try {
      record = restore === undefined ? undefined : JSON.parse(restore);
    } catch {
      return 'its restore cannot be read';
    }
    return { place, origin, size: Number(size), root: Buffer.from(root, 'base64').toString('hex'), time_ms, head: head ?? '', previous: previous ?? '', epoch: Number(epoch), restore: record, note };
  }
  return 'no known key has signed it';
}

/** The right edge of an RFC 6962 tree: the hashes of its largest whole subtrees. */
class Tree {
  constructor() {
    this.size = 0;
    /** @type {Buffer[]} */
    this.edge = [];
    this.leaf = Buffer.alloc(33, 0);
    this.node = Buffer.alloc(65, 1);
  }

  /** @param {Buffer} entryHash */
  append(entryHash) {
    entryHash.copy(this.leaf, 1);
    this.appendSubtree(hash('sha256', this.leaf, 'buffer'), 1);
  }

  /** @param {Buffer} subtree @param {number} count entries under it: a power of two that divides the size so far */
  appendSubtree(subtree, count) {
    let grown = subtree;
    for (let rest = this.size / count; rest % 2 === 1; rest = (rest - 1) / 2) grown = this.join(/** @type {Buffer} */ (this.edge.pop()), grown);
    this.edge.push(grown);
    this.size += count;
  }

  /** @param {Buffer} left @param {Buffer} right */
  join(left, right) {
    left.copy(this.node, 1);
    right.copy(this.node, 33);
    return hash('sha256', this.node, 'buffer');
  }

  root() {
    const last = this.edge.at(-1);
    if (!last) return hash('sha256', '', 'hex');
    return this.edge.slice(0, -1).reduceRight((right, left) => this.join(left, right), last).toString('hex');
  }
}

class Verification {
  /** @param {Options} options */
  constructor({ keys, copies = [], onProgress = () => undefined }) {
    this.keys = keys.map(keyOf);
    if (this.keys.length === 0) throw new Error('a public key is needed: without one nothing is proven');
    this.copies = copies;
    this.onProgress = onProgress;
    /** @type {Finding[]} */
    this.findings = [];
    this.findingsCount = 0;
    /** @type {AuthorisedRestore[]} */
    this.restores = [];
    this.kind = '';
    /** @type {string[]} */
    this.notes = [];
    /** @type {Checkpoint[]} */
    this.all = [];
    /** @type {Checkpoint[]} those that the log must agree with */
    this.holding = [];
    this.next = 0;
    this.met = 0;
    this.agreed = 0;
    this.treeIsBroken = false;
    this.tree = new Tree();
    this.entries = 0;
    this.hidden = 0;
    /** @type {number | null} */
    this.firstEntry = null;
    /** @type {number | null} */
    this.lastEntry = null;
    /** @type {string | undefined} of the entry before, where that is known */
    this.head = ZEROS;
    this.recordedAt_ms = 0;
    this.signedAt_ms = 0;
    /** @type {Map<string, bigint>} */
    this.streams = new Map();
    this.began = false;
  }

  /** @param {string} fault @param {string} where @param {string} why */
  find(fault, where, why) {
    this.findingsCount += 1;
    if (this.findings.length < FINDINGS_SHOWN) this.findings.push({ fault, where, why });
  }

  /** @param {string} line */
  take(line) {
    if (line.startsWith('{"sequence"')) return this.entry(JSON.parse(line));
    const value = JSON.parse(line);
    if (value.format !== undefined) {
      if (value.format !== FORMAT) throw new Error(`this is no export of an audit trail, or one of another version: ${value.format}`);
      this.kind = value.kind;
    } else if (this.kind === '') throw new Error(`this is no export of an audit trail: it does not begin with ${FORMAT}`);
    else if (value.checkpoint !== undefined) this.notes.push(value.checkpoint);
    else if (value.hidden_to !== undefined) this.hide(Number(value.hidden_to), value.subtrees);
    else if (value.sequence !== undefined) this.entry(value);
    else if (value.end !== undefined) this.end(value.end);
    else throw new Error(`the export has a line that is none of its format: ${line.slice(0, 80)}`);
  }

  /** Once all checkpoints are known: each by itself, and all of them as a row. */
  begin() {
    this.began = true;
    for (const { name, text } of this.copies) this.compareCopy(name, text);
    /** @type {Checkpoint | undefined} */
    let before;
    this.notes.forEach((note, index) => {
      const where = `checkpoint ${index + 1}`;
      const checkpoint = checkpointOf(note, index + 1, this.keys);
      if (typeof checkpoint === 'string') return this.find('checkpoint_forged', where, checkpoint);
      if (this.kind === 'export') this.follows(checkpoint, before, index === 0 ? ZEROS : hash('sha256', this.notes[index - 1] ?? '', 'hex'));
      if (checkpoint.restore) this.release(checkpoint, checkpoint.restore);
      this.holding.push(checkpoint);
      this.all.push(checkpoint);
      before = checkpoint;
    });
    if (this.notes.length === 0) this.find('unsigned', 'checkpoints', 'there is no checkpoint: nothing is proven');
    this.holding.sort((one, other) => one.size - other.size || one.place - other.place);
  }

  /** @param {Checkpoint} checkpoint @param {Checkpoint | undefined} before @param {string} previous */
  follows(checkpoint, before, previous) {
    const where = `checkpoint ${checkpoint.place} (${timeOf(checkpoint.time_ms)})`;
    if (checkpoint.previous !== previous) this.find('checkpoint_replaced', where, 'it does not name the one before it: that one was replaced, put in, or one between them was taken out');
    if (!before) return;
    if (checkpoint.time_ms < before.time_ms) this.find('clock_turned_back', where, `the one before it was signed later, at ${timeOf(before.time_ms)}`);
    if (checkpoint.epoch !== before.epoch + (checkpoint.restore ? 1 : 0)) this.find('checkpoint_replaced', where, `its epoch is ${checkpoint.epoch} after ${before.epoch}`);
    if (!checkpoint.restore && checkpoint.size < before.size) this.find('tail_cut', where, `it signs ${checkpoint.size} entries after ${before.size}, and no restore was authorised`);
  }

  /** @param {Checkpoint} checkpoint @param {Restore} restore */
  release(checkpoint, restore) {
    const released = this.holding.filter(({ size }) => size > restore.kept);
    this.holding = this.holding.filter(({ size }) => size <= restore.kept);
    const most = Math.max(restore.kept, ...released.map(({ size }) => size));
    this.restores.push({
      checkpoint: checkpoint.place, time: timeOf(checkpoint.time_ms), by: restore.by, why: restore.why, gave_up: most > restore.kept ? `entries ${restore.kept} to ${most - 1}` : null,
    });
  }

  /** A copy that was kept elsewhere: all that is in it must be here, at the same place. @param {string} name @param {string} text */
  compareCopy(name, text) {
    const notes = notesOf(text);
    if (this.kind === 'proof') {
      for (const [index, note] of this.notes.entries()) if (!notes.includes(note)) this.find('copies_differ', `checkpoint ${index + 1}`, `${name} does not have it`);
      return;
    }
    for (const [index, note] of notes.entries()) {
      if (this.notes[index] === note) continue;
      const missing = this.notes[index] === undefined;
      this.find(missing ? 'checkpoint_missing' : 'copies_differ', `checkpoint ${index + 1}`, missing ? `${name} has ${notes.length} checkpoints, the export ${this.notes.length}: the last ones were taken out` : `${name} has another one there`);
      if (missing) this.notes.push(...notes.slice(index));
      return;
    }
  }

  /** @param {number} to @param {string[]} subtrees */
  hide(to, subtrees) {
    if (!this.began) this.begin();
    this.hidden += to - this.tree.size;
    for (const subtree of subtrees) {
      let count = 1;
      while (this.tree.size % (count * 2) === 0 && this.tree.size + count * 2 <= to) count *= 2;
      this.tree.appendSubtree(Buffer.from(subtree, 'hex'), count);
    }
    if (this.tree.size !== to) throw new Error(`the export hides entries up to ${to}, and its hashes reach to ${this.tree.size}`);
    this.head = undefined;
    // What was signed in between cannot be looked at here.
    while ((this.holding[this.next]?.size ?? Infinity) < to) this.next += 1;
    this.meet();
  }

  /** @param {Record<string, any>} row */
  entry(row) {
    if (!this.began) this.begin();
    const sequence = Number(row.sequence);
    const expected = this.tree.size;
    if (sequence !== expected) {
      this.find(sequence > expected ? 'missing' : 'inserted', `entry ${sequence > expected ? expected : sequence}`, sequence > expected ? (sequence - 1 === expected ? 'it is not there' : `it and those up to ${sequence - 1} are not there`) : `it is there more than once, or out of its place (after entry ${expected - 1})`);
      // The numbers go on where they are, so that what comes after is looked at; the tree cannot be made whole any more.
      this.treeIsBroken = true;
      while (this.tree.size < sequence) this.tree.append(Buffer.alloc(32));
      if (sequence > expected) this.head = undefined;
      else return;
    }
    const computed = hash('sha256', `holdfast-audit-1\n${row.sequence}\n${row.previous_hash}\n${row.recorded_at_ms}\n${row.topic}\n${row.epoch}\n${row.shard}\n${row.event_sequence}\n${row.event}`, 'hex');
    if (computed !== row.hash) this.find('content_changed', `entry ${sequence}`, 'its content is not what its hash was made of');
    if (this.head !== undefined && row.previous_hash !== this.head) this.find('not_chained', `entry ${sequence}`, `it does not name the hash of entry ${sequence - 1}: one of them was changed, put in or moved`);
    this.columns(row, sequence);
    this.times(Number(row.recorded_at_ms), sequence);
    this.stream(row, sequence);
    this.head = row.hash;
    this.tree.append(Buffer.from(row.hash, 'hex'));
    this.entries += 1;
    this.firstEntry ??= sequence;
    this.lastEntry = sequence;
    if (this.entries % 50_000 === 0) this.onProgress(this.entries);
    this.meet();
  }

  /** What is searched by stands beside the event once more, and is not of what is hashed. @param {Record<string, any>} row @param {number} sequence */
  columns(row, sequence) {
    if (sequence === 0) return;
    /** @type {Record<string, any>} */
    let event;
    try {
      event = JSON.parse(row.event);
    } catch {
      return this.find('content_changed', `entry ${sequence}`, 'its event is not JSON');
    }
    /** @type {[string, unknown, unknown][]} */
    const pairs = [
      ['event_id', row.event_id, event.id], ['type', row.type, event.type], ['epoch', row.epoch, event.epoch], ['shard', row.shard, event.shard], ['event_sequence', row.event_sequence, event.sequence],
      ['trace_id', row.trace_id, event.traceparent ? (/^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(event.traceparent)?.[1] ?? null) : null], ['occurred_at', row.occurred_at_us, microseconds(event.occurred_at)],
    ];
    for (const [column, there, meant] of pairs) if (String(there) !== String(meant)) this.find('column_changed', `entry ${sequence}`, `the column ${column} does not say what the event says`);
  }

  /** @param {number} recordedAt_ms @param {number} sequence */
  times(recordedAt_ms, sequence) {
    const since_ms = Math.max(this.recordedAt_ms, this.signedAt_ms);
    if (recordedAt_ms < since_ms - CLOCK_TOLERANCE_MS) this.find('clock_turned_back', `entry ${sequence}`, `it says that it was recorded at ${timeOf(recordedAt_ms)}, after what was recorded or signed at ${timeOf(since_ms)}`);
    const before = this.holding[this.next];
    if (before && recordedAt_ms > before.time_ms + CLOCK_TOLERANCE_MS) this.find('clock_turned_back', `entry ${sequence}`, `it says that it was recorded at ${timeOf(recordedAt_ms)}, and was signed before, at ${timeOf(before.time_ms)}`);
    this.recordedAt_ms = Math.max(this.recordedAt_ms, recordedAt_ms);
  }

  /** Events of a stream are numbered without a gap: one that was left out before it was ever recorded shows here. @param {Record<string, any>} row @param {number} sequence */
  stream(row, sequence) {
    const name = `${row.topic} epoch ${row.epoch} shard ${row.shard}`;
    const number = BigInt(row.event_sequence);
    const before = this.streams.get(name);
    if (before !== undefined && number !== before + 1n) this.find('stream_gap', `entry ${sequence}`, `${name} goes on with event ${number} after ${before}`);
    this.streams.set(name, number);
  }

  /** Holds the tree against what was signed of exactly so many entries. */
  meet() {
    for (let checkpoint = this.holding[this.next]; checkpoint && checkpoint.size <= this.tree.size; checkpoint = this.holding[++this.next]) {
      if (checkpoint.size < this.tree.size) continue;
      this.signedAt_ms = Math.max(this.signedAt_ms, checkpoint.time_ms);
      if (this.treeIsBroken) continue;
      if (checkpoint.root === this.tree.root() && (this.head === undefined || this.head === checkpoint.head)) {
        this.met += 1;
        this.agreed = this.tree.size;
        continue;
      }
      // Every later one differs as well, for the same reason.
      this.treeIsBroken = true;
      this.find('not_as_signed', `entries ${this.agreed} to ${this.tree.size - 1}`, `among them is one that is not as it was signed at ${timeOf(checkpoint.time_ms)} (checkpoint ${checkpoint.place})`);
    }
  }

  /** @param {{ rows: string }} end */
  end({ rows }) {
    if (Number(rows) !== this.entries) this.find('inserted', 'the log', `it has ${rows} rows, of which ${this.entries} have a place in it`);
  }

  /** @returns {Result} */
  result() {
    if (this.kind === '') throw new Error('this is no export of an audit trail: it is empty');
    if (!this.began) this.begin();
    const last = this.holding.at(-1);
    if (last && last.size > this.tree.size) {
      if (this.kind === 'export') this.find('tail_cut', `entries ${this.tree.size} to ${last.size - 1}`, `they are gone: they were signed at ${timeOf(last.time_ms)} (checkpoint ${last.place})`);
      else this.find('not_proven', 'the proof', `it ends at ${this.tree.size}, and its checkpoint is of ${last.size} entries`);
    }
    if (this.met === 0 && this.findingsCount === 0) this.find('unsigned', 'the export', 'no checkpoint covers it: nothing is proven');
    return {
      verdict: this.findingsCount === 0 ? 'intact' : 'broken', kind: this.kind, entries: this.entries, first_entry: this.firstEntry, last_entry: this.lastEntry, hidden_entries: this.hidden,
      unsigned_entries: Math.max(0, (this.lastEntry ?? -1) + 1 - (last?.size ?? 0)), checkpoints: this.notes.length, checkpoints_met: this.met,
      last_checkpoint: last ? { size: last.size, time: timeOf(last.time_ms), root: last.root } : null, findings: this.findings, findings_count: this.findingsCount, restores: this.restores,
    };
  }
}

/** Checkpoints as they stand in a file: one after the other, each followed by an empty line. @param {string} text */
export function notesOf(text) {
  const parts = text.split('\n\n');
  /** @type {string[]} */
  const notes = [];
  for (let index = 0; index + 1 < parts.length; index += 2) notes.push(`${parts[index]}\n\n${parts[index + 1]}\n`);
  return notes;
}

/** @param {number} time_ms */
function timeOf(time_ms) {
  return Number.isNaN(time_ms) || Math.abs(time_ms) > 8.64e15 ? 'no time at all' : new Date(time_ms).toISOString();
}

/** Microseconds since 1970 of an ISO time with up to six digits after the second. @param {unknown} iso */
function microseconds(iso) {
  const [, whole = '', fraction = '', zone = 'Z'] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)$/.exec(String(iso)) ?? [];
  return whole === '' ? 'no time' : String(BigInt(Date.parse(whole + zone)) * 1_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0')));
}

/**
 * Verifies an export as it comes. Throws when it is no export at all.
 * @param {AsyncIterable<Buffer>} stream @param {Options} options @returns {Promise<Result>}
 */
export async function verifyExport(stream, options) {
  const verification = new Verification(options);
  // Lines end with a line feed and nothing else: a text may hold what other readers take for the end of a line.
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) verification.take(line);
  }
  if (rest !== '') throw new Error('the export ends in the middle of a line: it was cut, or is still being written');
  return verification.result();
}

const HELP = `Verifies an export or a proof of Holdfast's audit trail. Needs no network, no database and nothing but this file.

  node verify-audit.mjs EXPORT --key KEY [--checkpoints FILE]... [--json]

  EXPORT               from ./holdfast audit export, or ./holdfast audit prove; also gzipped (.gz)
  --key KEY            the public key, or a file that has it: ./holdfast audit key. Get it once, at the beginning, and keep it
  --checkpoints FILE   checkpoints that were kept elsewhere: what they have and the export has not is found
  --json               the result for programs

Exit status: 0 intact, 1 broken (each finding says where), 2 wrong arguments, 3 it cannot be read.`;

/** @param {Result} result */
export function report(result) {
  const lines = result.findings.map(({ fault, where, why }) => `✗ ${where}: ${why} (${fault})`);
  if (result.findings_count > result.findings.length) lines.push(`  and ${result.findings_count - result.findings.length} more`);
  for (const { checkpoint, time, by, why, gave_up } of result.restores) lines.push(`○ checkpoint ${checkpoint} (${time}): a restore, authorised by ${by}: ${why}${gave_up === null ? '' : `; ${gave_up} of before were given up`}`);
  const of = result.first_entry === null ? 'no entries' : `${result.entries} entries (${result.first_entry} to ${result.last_entry})`;
  const signed = result.last_checkpoint ? `; the last checkpoint is of ${result.last_checkpoint.size} entries, ${result.last_checkpoint.time}` : '';
  const open = result.unsigned_entries > 0 ? `; ${result.unsigned_entries} newer ones are not signed yet` : '';
  lines.push(`${result.verdict}: ${of}, ${result.checkpoints_met} of ${result.checkpoints} checkpoints met${signed}${open}`);
  return lines.join('\n');
}

/** @param {readonly string[]} args */
async function main(args) {
  const [files, keys, copies] = /** @type {[string[], string[], string[]]} */ ([[], [], []]);
  let json = false;
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    if (word === '--help' || word === '-h') return console.log(HELP);
    if (word === '--json') json = true;
    else if (word === '--key') keys.push(args[++index] ?? '');
    else if (word === '--checkpoints') copies.push(args[++index] ?? '');
    else files.push(word);
  }
  const [file] = files;
  if (file === undefined || files.length > 1 || keys.length === 0 || [...files, ...copies].some((word) => word.startsWith('-'))) {
    console.error(HELP);
    process.exitCode = 2;
    return;
  }
  try {
    const read = createReadStream(file);
    const stream = file.endsWith('.gz') ? read.pipe(createGunzip()) : read;
    const result = await verifyExport(stream, {
      keys: keys.flatMap((key) => (key.includes('+') && !key.includes('\n') && !key.startsWith('/') ? [key] : readFileSync(key, 'utf8').trim().split('\n'))),
      copies: copies.map((name) => ({ name, text: readFileSync(name, 'utf8') })),
    });
    console.log(json ? JSON.stringify(result, null, 2) : report(result));
    process.exitCode = result.verdict === 'intact' ? 0 : 1;
  } catch (error) {
    console.error(`cannot be read: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 3;
  }
}

if (import.meta.main ?? process.argv[1]?.endsWith('verify-audit.mjs')) await main(process.argv.slice(2));
