/** regsync's configuration. @see https://regclient.org/usage/regsync/ */
import { ComponentDraft } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

/** A pattern that can mean one tag: no sign of a regular expression, but for dots, which stand for themselves in tags. */
const ONE_TAG = /^\^?((?:[A-Za-z0-9_-]|\\?\.)+)\$?$/;
const MAX_VERSION = 1;
/** How content is copied, and when. */
const SYNC_FIELDS = [
  'source', 'target', 'type', 'tags', 'tagSets', 'repos', 'platform', 'platforms', 'digestTags', 'referrers',
  'referrerFilters', 'referrerSource', 'referrerTarget', 'referrerSlow', 'fastCheck', 'forceRecursive', 'includeExternal',
  'backup', 'interval', 'schedule', 'ratelimit', 'mediaTypes', 'hooks',
]; // prettier-ignore

/** Whether a document is a configuration of regsync: entries with a source, a target and a type. */
export function isRegsync(document: Readonly<Record<string, unknown>>): boolean {
  const { sync } = document;
  if (!Array.isArray(sync)) return false;
  const first: unknown = sync[0];
  return typeof first === 'object' && first !== null && 'source' in first && 'type' in first;
}

/** Reads what is copied. */
export function readRegsync([document]: readonly Field[], file: ForeignFile): ImportedRelease {
  const draft = new ComponentDraft('images');
  if (document !== undefined) {
    const version = document.get('version');
    if (Number(version.text ?? MAX_VERSION) > MAX_VERSION)
      file.refuse(version.at, `version ${shown(version.text ?? '')} is not known`);
    for (const entry of document.get('sync').items) readEntry(entry, draft);
    document.leaveUnknown([
      'version',
      'creds',
      'defaults',
      'sync',
      ...document.keys.filter((key) => key.startsWith('x-')),
    ]);
  }
  return { components: [draft.finish()], unexpressed: file.unexpressed };
}

function readEntry(entry: Field, draft: ComponentDraft): void {
  const { file, at } = entry;
  const source = entry.get('source').requiredText;
  const type = entry.get('type').requiredText;
  if (source === undefined || type === undefined) return;
  const platforms = [entry.get('platform'), ...entry.get('platforms').items].flatMap(({ text }) => text || []);
  if (/^ocidir:|^ocifile:/.test(source)) {
    file.leave(at, `${shown(source)} is a directory of this machine: push it to a registry, and list that`);
  } else if (type === 'image') {
    draft.addImage(entry, source, { platforms });
  } else if (type === 'repository') {
    for (const set of [entry.get('tags'), ...entry.get('tagSets').items]) readTags(set, source, platforms, draft);
    if (!entry.get('tags').isThere && !entry.get('tagSets').isThere) leaveAll(entry, source);
  } else if (type === 'registry') {
    file.leave(at, `every repository of ${shown(source)}: list the images that the release needs`);
  } else {
    file.refuse(entry.get('type').at, `type ${shown(type)} is not image, repository or registry`);
  }
  entry.leaveUnknown(SYNC_FIELDS);
}

function readTags(tags: Field, source: string, platforms: readonly string[], draft: ComponentDraft): void {
  const { file } = tags;
  const allowed = tags.get('allow').items;
  const ranges = tags.get('semverRange').items;
  const denied = tags.get('deny').items;
  const excluded = new Set(denied.map(({ text }) => tagOf(text ?? '')));
  if (tags.isThere && allowed.length + ranges.length === 0) leaveAll(tags, source);
  for (const pattern of allowed) {
    const tag = tagOf(pattern.text ?? '');
    if (tag === undefined) {
      file.leave(
        pattern.at,
        `tags of ${shown(source)} that match ${shown(pattern.text ?? '')}: list those that the release needs`,
      );
    } else if (ranges.length > 0) {
      file.leave(pattern.at, `${shown(source)}:${tag}, if its version is in the range: list it if it is`);
    } else if (!excluded.has(tag)) {
      draft.addImage(pattern, `${source}:${tag}`, { platforms });
    }
  }
  if (allowed.length === 0) {
    for (const range of ranges) {
      file.leave(
        range.at,
        `versions ${shown(range.text ?? '')} of ${shown(source)}: list those that the release needs`,
      );
    }
  }
  for (const pattern of denied.filter(({ text }) => tagOf(text ?? '') === undefined)) {
    file.remark(
      pattern.at,
      `tags of ${shown(source)} that match ${shown(pattern.text ?? '')} were not taken out: look through the list`,
    );
  }
}

/** The one tag that a pattern means; undefined for a pattern of several. */
function tagOf(pattern: string): string | undefined {
  return ONE_TAG.exec(pattern)?.[1]?.replaceAll('\\', '');
}

function leaveAll(field: Field, source: string): void {
  field.file.leave(field.at, `every tag of ${shown(source)}: list those that the release needs`);
}
