import { existsSync } from 'node:fs';

/** One value of the environment: its name, and how it is read. Throws a `Fault` if it cannot be. */
export interface Field<T> {
  readonly name: string;
  read(value: string | undefined): T;
}

class Fault extends Error {}

type Values<Fields> = { readonly [K in keyof Fields]: Fields[K] extends Field<infer T> ? T : never };

/**
 * Reads a service's whole configuration, once, at start. With faults the process ends (exit status 78, EX_CONFIG) after
 * one message that names all of them, so that an operator mends a wrong environment in one go.
 */
export function readConfig<Fields extends Record<string, Field<unknown>>>(service: string, fields: Fields): Values<Fields> {
  const { values, faults } = parseConfig(fields, process.env);
  if (faults.length > 0) {
    process.stderr.write(`${service} cannot start: ${faults.join('; ')}\n`);
    process.exit(78);
  }
  return values;
}

/** The pure part of `readConfig`: every value that could be read, and every fault. */
export function parseConfig<Fields extends Record<string, Field<unknown>>>(
  fields: Fields,
  environment: Readonly<Record<string, string | undefined>>,
): { values: Values<Fields>; faults: string[] } {
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [key, field] of Object.entries(fields)) {
    try {
      values[key] = field.read(environment[field.name]);
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      faults.push(fault.message);
    }
  }
  return { values: values as Values<Fields>, faults };
}

function field<T>(name: string, fallback: T | undefined, parse: (value: string) => T): Field<T> {
  return {
    name,
    read(value) {
      if (value === undefined) {
        if (fallback === undefined) throw new Fault(`${name} is missing`);
        return fallback;
      }
      if (value.trim() === '') throw new Fault(`${name} is empty`);
      return parse(value.trim());
    },
  };
}

export function text(name: string, fallback?: string): Field<string> {
  return field(name, fallback, (value) => value);
}

export function oneOf<const T extends string>(name: string, allowed: readonly T[], fallback?: T): Field<T> {
  return field(name, fallback, (value) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw new Fault(`${name}=${value} is none of ${allowed.join(', ')}`);
    return found;
  });
}

export function integer(name: string, fallback?: number, range: { min?: number; max?: number } = {}): Field<number> {
  return field(name, fallback, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new Fault(`${name}=${value} is not a whole number`);
    if (range.min !== undefined && number < range.min) throw new Fault(`${name}=${value} is below ${range.min}`);
    if (range.max !== undefined && number > range.max) throw new Fault(`${name}=${value} is above ${range.max}`);
    return number;
  });
}

export function port(name: string, fallback?: number): Field<number> {
  return integer(name, fallback, { min: 1, max: 65_535 });
}

/** A URL of one of the given schemes, without the trailing slash, so that paths can be appended. */
export function url(name: string, fallback?: string, schemes: readonly string[] = ['https']): Field<string> {
  return field(name, fallback, (value) => urlOf(name, value, schemes));
}

/** Several of them, separated by commas. */
export function urlList(name: string, fallback?: readonly string[], schemes: readonly string[] = ['https']): Field<readonly string[]> {
  return field(name, fallback, (value) => listOf(name, value).map((item) => urlOf(name, item, schemes)));
}

export function list(name: string, fallback?: readonly string[]): Field<readonly string[]> {
  return field(name, fallback, (value) => listOf(name, value));
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`. */
export function address(name: string, fallback?: string): Field<Address> {
  const parse = (value: string): Address => addressOf(name, value);
  return field(name, fallback === undefined ? undefined : parse(fallback), parse);
}

/** Several of them, separated by commas. */
export function addressList(name: string, fallback?: string): Field<readonly Address[]> {
  const parse = (value: string): readonly Address[] => listOf(name, value).map((item) => addressOf(name, item));
  return field(name, fallback === undefined ? undefined : parse(fallback), parse);
}

/** The path of a file or directory that is there. Its content is read where it is used, so that a rotated secret is seen. */
export function file(name: string, fallback?: string): Field<string> {
  const check = field(name, fallback, (value) => value);
  return {
    name,
    read(value) {
      const path = check.read(value);
      if (!existsSync(path)) throw new Fault(`${name}: ${path} does not exist`);
      return path;
    },
  };
}

function listOf(name: string, value: string): string[] {
  const items = value.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new Fault(`${name}=${value} has an empty item`);
  return items;
}

function urlOf(name: string, value: string, schemes: readonly string[]): string {
  const parsed = URL.parse(value);
  if (!parsed) throw new Fault(`${name}=${value} is not a URL`);
  if (!schemes.includes(parsed.protocol.slice(0, -1))) throw new Fault(`${name}=${value} is not ${schemes.join(' or ')}`);
  return value.replace(/\/+$/, '');
}

function addressOf(name: string, value: string): Address {
  const match = /^([^:\s]+):(\d{1,5})$/.exec(value);
  const number = Number(match?.[2]);
  if (!match?.[1] || number < 1 || number > 65_535) throw new Fault(`${name}=${value} is not host:port`);
  return { host: match[1], port: number };
}
