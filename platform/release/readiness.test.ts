import { expect, test } from '@jest/globals';
import { channelOf, faultsOfTag, notesOf, type Declared } from './readiness.ts';

const good: Declared = {
  versionsEnv: '# all\nHOLDFAST_VERSION=1.2.0\nNODE_VERSION=24\n',
  packageJson: '{ "version": "1.2.0" }',
  changelog: '# Changelog\n\n## 1.2.0 (2026-01-31)\n- Faster.\n\n## 1.1.0 (2026-01-01)\n- First.\n',
};

test('a tag that agrees with its files can be released', () => {
  expect(faultsOfTag('v1.2.0', good)).toEqual([]);
});

test.each<[string, string, Partial<Declared>, string]>([
  ['is no version', '1.2.0', {}, '"1.2.0" is no tag of a release: v1.2.3, or v1.2.3-rc.1'],
  ['is ahead of versions.env', 'v1.2.0', { versionsEnv: 'HOLDFAST_VERSION=1.1.0\n' }, 'platform/versions.env says HOLDFAST_VERSION=1.1.0, the tag says 1.2.0'],
  ['is ahead of package.json', 'v1.2.0', { packageJson: '{ "version": "1.1.0" }' }, 'package.json says version 1.1.0, the tag says 1.2.0'],
  ['is not in the changelog', 'v1.2.0', { changelog: '## 1.2.0-rc.1 (2026-01-01)\n- Nearly.\n' }, 'CHANGELOG.md has no heading "## 1.2.0"'],
  ['is unreleased by the changelog', 'v1.2.0', { changelog: '## 1.2.0 (unreleased)\n- Faster.\n' }, 'CHANGELOG.md calls 1.2.0 unreleased: put the date there'],
  ['has an empty entry', 'v1.2.0', { changelog: '## 1.2.0 (2026-01-31)\n\n## 1.1.0 (2026-01-01)\n- First.\n' }, 'CHANGELOG.md says nothing under 1.2.0'],
])('a tag that %s is refused before anything is built', (_, tag, wrong, fault) => {
  expect(faultsOfTag(tag, { ...good, ...wrong })).toEqual([fault]);
});

test('all that is wrong is said at once', () => {
  expect(faultsOfTag('v2.0.0', good)).toHaveLength(3);
});

test('the notes of a release are those of its version alone', () => {
  expect(notesOf('1.2.0', good.changelog)?.text).toBe('- Faster.');
});

test('a version to be tried never moves the channel that everybody follows', () => {
  expect([channelOf('1.2.0-rc.1'), channelOf('1.2.0')]).toEqual(['candidate', 'stable']);
});
