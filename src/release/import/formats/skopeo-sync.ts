/** The YAML that `skopeo sync --src yaml` takes. @see https://github.com/containers/skopeo/blob/main/docs/skopeo-sync.1.md */
import { ComponentDraft } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

const LISTS = ['images', 'images-by-tag-regex', 'images-by-semver'];
const FIELDS = [...LISTS, 'credentials', 'tls-verify', 'cert-dir'];
const DIGEST = /^[a-z0-9]+:[0-9a-f]{32,}$/;

/** Whether a document is such a list: registries, each with its images. */
export function isSkopeoSync(document: Readonly<Record<string, unknown>>): boolean {
  const registries = Object.values(document);
  return (
    registries.length > 0 &&
    registries.every((each) => {
      if (typeof each !== 'object' || each === null || Array.isArray(each)) return false;
      const keys = Object.keys(each);
      return keys.some((key) => LISTS.includes(key)) && keys.every((key) => FIELDS.includes(key));
    })
  );
}

/** Reads the images of every registry. */
export function readSkopeoSync([document]: readonly Field[], file: ForeignFile): ImportedRelease {
  const draft = new ComponentDraft('images');
  for (const [registry, fields] of document?.entries ?? []) {
    for (const [name, tags] of fields.get('images').entries) readTags(`${registry}/${name}`, tags, draft);
    for (const list of LISTS.slice(1)) {
      for (const [name, pattern] of fields.get(list).entries) {
        const which = list === 'images-by-semver' ? 'versions' : 'tags that match';
        file.leave(
          pattern.at,
          `${which} ${shown(pattern.text ?? '')} of ${shown(`${registry}/${name}`)}: list those that the release needs`,
        );
      }
    }
    if (fields.get('credentials').isThere) {
      file.remark(
        fields.get('credentials').at,
        `credentials of ${shown(registry)} are not copied: log in with docker or skopeo`,
      );
    }
    fields.leaveUnknown(FIELDS);
  }
  return { components: [draft.finish()], unexpressed: file.unexpressed };
}

function readTags(repository: string, tags: Field, draft: ComponentDraft): void {
  const { items } = tags;
  if (items.length === 0) {
    tags.file.leave(tags.at, `every tag of ${shown(repository)}: list those that the release needs`);
  }
  for (const item of items) {
    const { text } = item;
    if (text !== undefined) draft.addImage(item, `${repository}${DIGEST.test(text) ? '@' : ':'}${text}`);
  }
}
