/** As much of an OpenAPI document as says what a client may send. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { parameters?: readonly Parameter[]; requestBody?: { content: Readonly<Record<string, { schema: Schema }>> } }>>>>;
}

export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** A good body of each form that the description allows; one that is undefined where there is none. */
  readonly bodies: readonly unknown[];
}

/**
 * All that the API takes. `good` has a value by the name of each property: one that is `undefined` is left out of a good body. What it does not know is an error, so that
 * an input that is new is not passed over.
 */
export function endpointsOf(document: OpenApi, good: Readonly<Record<string, unknown>>): Endpoint[] {
  return Object.entries(document.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, { parameters = [], requestBody }]) => {
    const schema = requestBody?.content['application/json']?.schema;
    return { method: method.toUpperCase(), path, parameters, bodies: schema ? samplesOf(schema, '', good) : [undefined] };
  }));
}

/** One value for each form of a schema. Where properties have several forms, each is seen once, beside the first of the others. */
function samplesOf(schema: Schema, name: string, good: Readonly<Record<string, unknown>>): unknown[] {
  if (name in good) return [good[name]];
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms) return forms.flatMap((form) => samplesOf(form, name, good));
  if (schema.items) return samplesOf(schema.items, name, good).map((item) => [item]);
  if (!schema.properties) throw new Error(`the API takes "${name}", of which this test knows no good value: add one to "good"`);
  const members = Object.entries(schema.properties).map(([member, inner]) => ({ member, samples: samplesOf(inner, member, good) }));
  const most = Math.max(1, ...members.map(({ samples }) => samples.length));
  return Array.from({ length: most }, (_, form) => Object.fromEntries(members.map(({ member, samples }) => [member, samples[form] ?? samples[0]])));
}

/** Where a text can be put into a body, each with the name of the input: in the place of every value, as a member of every object that nobody asked for, and as its name. */
export function placesIn(body: unknown): { name: string; put(text: string): unknown }[] {
  return [...walk(body, '')].map(([name, put]) => ({ name, put }));
}

function* walk(value: unknown, name: string): Generator<[string, (text: string) => unknown]> {
  if (name !== '') yield [name, (text) => text];
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const [inner, put] of walk(item, name)) if (inner !== name) yield [inner, (text) => value.with(index, put(text))];
    }
    return;
  }
  const prefix = name === '' ? '' : `${name}.`;
  yield [`${prefix}<more>`, (text) => ({ ...value, more: text })];
  yield [`${prefix}<name>`, (text) => ({ ...value, [text]: 'x' })];
  for (const [member, item] of Object.entries(value)) {
    for (const [inner, put] of walk(item, prefix + member)) yield [inner, (text) => ({ ...value, [member]: put(text) })];
  }
}
