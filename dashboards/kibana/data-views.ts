import { savedObject, type SavedObject } from './saved-object.ts';

/** What is searched: the copy of the audit trail, and the log lines. Names of indices are those of platform/elasticsearch/index-templates. */
export type View = 'holdfast-audit' | 'holdfast-logs';

export const dataViews: readonly SavedObject[] = [view('holdfast-audit', 'Audit trail'), view('holdfast-logs', 'Logs')];

function view(id: View, name: string): SavedObject {
  return savedObject('index-pattern', id, { title: `${id}-*`, name, timeFieldName: '@timestamp', allowNoIndex: true });
}
