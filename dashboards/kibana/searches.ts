import type { View } from './data-views.ts';
import { savedObject, type SavedObject } from './saved-object.ts';

/**
 * A question that an auditor asks again and again, in Kibana's query language, and the columns of its answer. `data` is one field to Elasticsearch ("flattened"), in
 * which only whole values are found: no * behind `data.`.
 */
export interface Search {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly view: View;
  readonly query: string;
  readonly columns: readonly string[];
}

const audit = (id: string, title: string, description: string, query: string, columns: readonly string[]): Search => ({ id: `holdfast-${id}`, title, description, view: 'holdfast-audit', query, columns: ['event.action', 'event.outcome', 'user.id', ...columns] });
const logs = (id: string, title: string, description: string, query: string, columns: readonly string[]): Search => ({ id: `holdfast-${id}`, title, description, view: 'holdfast-logs', query, columns });

export const searches: readonly Search[] = [
  audit('who-did-what', 'Who did what to whom', 'Every entry of the trail: who, what, on what, from where, how it ended.', '', ['source.ip', 'data', 'trace.id']),
  audit('money', 'What moved money', 'Transfers, holds and what became of them.', 'event.action : (transfer.* or hold.*)', ['data', 'trace.id']),
  audit('sign-ins', 'Sign-ins and failures', 'By people and programs, as Keycloak tells.', 'event.category : "authentication"', ['source.ip', 'data']),
  audit('privileged', 'Privileged actions', 'Roles, people and clients changed at Keycloak; accounts frozen; commands of operators.', 'event.category : ("iam" or "configuration") or event.action : account.changed', ['source.ip', 'data']),
  audit('personal-data', 'Access to personal data', 'Profiles that somebody else has read.', 'event.action : user.read', ['data', 'trace.id']),
  audit('configuration', 'Changes of configuration', 'What operators did with ./holdfast, when it began and how it ended.', 'event.action : operator.*', ['data']),
  audit('exports', 'Exports', 'Copies of the trail or of keys that left the platform.', 'event.action : operator.* and data.command : ("audit export" or "recovery-kit export")', ['data']),
  audit('integrity', 'Integrity of the trail', 'Restores that were authorised, streams that began anew, and files of operators\' commands that were cut.', 'event.action : (trail.* or stream.restored or operator.log_cut or operator.line_unreadable)', ['data']),
  audit('refused', 'Refused at the door', 'Requests without a good token, or for what their caller may not do.', 'event.category : "intrusion_detection"', ['data']),
  logs('errors', 'Errors in the logs', 'Of all services and components. A trace id leads to all lines of its request.', 'log.level : ("error" or "fatal")', ['service.name', 'message', 'error.message', 'trace.id']),
  logs('slow', 'Slow or failed requests', 'Lines of requests that took more than a second or ended in a server error.', 'event.duration > 1000000000 or http.response.status_code >= 500', ['service.name', 'http.response.status_code', 'event.duration', 'user.id', 'trace.id']),
];

export function savedSearch({ id, title, description, view, query, columns }: Search): SavedObject {
  return savedObject('search', id, {
    title, description, columns, sort: [['@timestamp', 'desc']], grid: {}, hideChart: false, isTextBasedQuery: false, timeRestore: false,
    kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify({ query: { query, language: 'kuery' }, filter: [], indexRefName: 'kibanaSavedObjectMeta.searchSourceJSON.index' }) },
  }, [{ name: 'kibanaSavedObjectMeta.searchSourceJSON.index', type: 'index-pattern', id: view }]);
}
