/** Zarf's package definitions, v1alpha1 and v1beta1. @see https://docs.zarf.dev/ref/create/ */
import { ComponentDraft, isUrl, toPlatforms } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';
import { addZarfChart } from './zarf-chart.ts';

const KINDS = ['ZarfPackageConfig', 'ZarfInitConfig'];
const COMPONENT_FIELDS = [
  'name', 'description', 'default', 'required', 'optional', 'only', 'target', 'selector', 'group', 'import', 'manifests',
  'charts', 'dataInjections', 'files', 'images', 'imageArchives', 'repos', 'repositories', 'scripts', 'actions',
  'healthChecks', 'stateAccess', 'features', 'service',
]; // prettier-ignore
/** What a release does not do, with the next step where there is one. */
const NOT_DONE: readonly (readonly [string, string])[] = [
  ['actions', 'actions are not run: what they fetch or set is not carried; list it'],
  ['scripts', 'scripts are not run: what they fetch or set is not carried; list it'],
];
const LEFT: readonly (readonly [string, string])[] = [
  ['import', 'an imported component is not read: import its own zarf.yaml'],
  ['repos', 'Git repositories are not carried: archive one as a file, and list it'],
  ['repositories', 'Git repositories are not carried: archive one as a file, and list it'],
  ['dataInjections', 'data injections are not carried: list what they bring as files'],
];

/** Whether a document defines a package. */
export function isZarf({ kind }: Readonly<Record<string, unknown>>): boolean {
  return typeof kind === 'string' && KINDS.includes(kind);
}

/** Reads the package; of several versions of the definition in one file, the first. */
export function readZarf([document]: readonly Field[], file: ForeignFile): ImportedRelease {
  if (document === undefined) return { components: [], unexpressed: file.unexpressed };
  const metadata = document.get('metadata');
  const architecture = metadata.get('architecture');
  const components = document.get('components').items.map(readComponent);
  const docs = new ComponentDraft('documentation');
  for (const [, page] of document.get('documentation').entries) {
    if (page.text !== undefined) docs.addDoc(page, page.text);
  }
  for (const values of document.get('values').get('files').items) {
    file.remark(values.at, `values of the package (${shown(values.text ?? '')}) are not taken over`);
  }
  document.leaveUnknown([
    'apiVersion',
    'kind',
    'metadata',
    'build',
    'components',
    'constants',
    'variables',
    'values',
    'documentation',
  ]);
  return {
    name: metadata.get('name').text,
    version: metadata.get('version').text,
    platforms: architecture.text ? toPlatforms(architecture, [`linux/${architecture.text}`]) : undefined,
    components: [...components.map((draft) => draft.finish()), docs.finish()],
    unexpressed: file.unexpressed,
  };
}

function readComponent(component: Field): ComponentDraft {
  const { file } = component;
  const only = component.get('only');
  const flavor = only.get('flavor').text || component.get('selector').get('flavor').text || undefined;
  const name = component.get('name').requiredText ?? '';
  const draft = new ComponentDraft(
    flavor === undefined ? name : `${name}-${flavor}`,
    component.get('description').text,
  );
  if (flavor !== undefined) {
    file.remark(
      component.at,
      `component ${shown(name)} is of flavor ${shown(flavor)} alone: remove it if another is meant`,
    );
  }
  const architecture =
    only.get('cluster').get('architecture').text || component.get('selector').get('architecture').text || undefined;
  const platforms = architecture === undefined ? undefined : [`linux/${architecture}`];
  readImages(component, draft, platforms);
  for (const chart of component.get('charts').items) addZarfChart(draft, chart);
  for (const manifest of component.get('manifests').items) readManifest(manifest, draft);
  for (const each of component.get('files').items) readFile(each, draft);
  for (const [key, message] of NOT_DONE) {
    const field = component.get(key);
    if (field.isThere) file.remark(field.at, `component ${shown(name)}: ${message}`);
  }
  for (const [key, message] of LEFT) {
    const field = component.get(key);
    if (field.isThere) file.leave(field.at, `component ${shown(name)}: ${message}`);
  }
  component.leaveUnknown(COMPONENT_FIELDS);
  return draft;
}

function readImages(component: Field, draft: ComponentDraft, platforms: readonly string[] | undefined): void {
  for (const image of component.get('images').items) {
    const isPlain = image.isText;
    const text = isPlain ? image.text : image.get('name').requiredText;
    if (text === undefined) continue;
    draft.addImage(image, text, { platforms, isLocal: !isPlain && image.get('source').text === 'daemon' });
  }
  for (const archive of component.get('imageArchives').items) {
    const images = archive.get('images').items.map(({ text }) => text ?? '');
    component.file.leave(
      archive.at,
      `images in the archive ${shown(archive.get('path').text ?? '')} (${shown(images.join(', '))}): push them to a registry, and list them`,
    );
  }
}

function readManifest(manifest: Field, draft: ComponentDraft): void {
  const kustomize = manifest.get('kustomize').isThere
    ? manifest.get('kustomize').get('files')
    : manifest.get('kustomizations');
  for (const path of [...manifest.get('files').items, ...kustomize.items]) {
    if (path.text !== undefined) draft.addManifest(path, path.text);
  }
}

function readFile(each: Field, draft: ComponentDraft): void {
  const source = each.get('source').requiredText;
  if (source === undefined) return;
  const target = each.get('target').text ?? each.get('destination').text ?? '';
  const as = /[^/\\]+$/.exec(target)?.[0];
  draft.addFile(each, source, { sha256: each.get('shasum').text || each.get('checksum').text || undefined, as });
  if (each.get('extractPath').isThere && !isUrl(source)) {
    each.file.remark(
      each.at,
      `${shown(source)} is carried whole: ${shown(each.get('extractPath').text ?? '')} is not taken out of it`,
    );
  }
}
