import { callJson } from './http.ts';
import { SetupError } from './patience.ts';

interface Imported {
  success: boolean;
  successCount: number;
  errors?: { type: string; id: string; error: { type: string } }[];
}

/** Has Kibana take the objects of a file, in the place of those that it has under these ids. Returns how many it took. */
export async function importObjects(address: string, authorization: string, ndjson: string): Promise<number> {
  const form = new FormData();
  form.set('file', new Blob([ndjson], { type: 'application/ndjson' }), 'holdfast.ndjson');
  const { body } = await callJson<Imported>('POST', `${address}/api/saved_objects/_import?overwrite=true`, { authorization, 'kbn-xsrf': 'holdfast' }, form, [200]);
  // It answers 200 for what it refuses, too.
  if (!body.success) throw new SetupError(`Kibana does not take ${(body.errors ?? []).map(({ type, id, error }) => `${type} ${id} (${error.type})`).join(', ') || 'the objects, and does not say which'}`);
  return body.successCount;
}
