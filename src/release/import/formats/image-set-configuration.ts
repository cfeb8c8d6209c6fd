/** oc-mirror's ImageSetConfiguration, v1alpha2 and v2alpha1. @see https://github.com/openshift/oc-mirror */
import { addChart } from '../chart-place.ts';
import { ComponentDraft } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

const GROUP = /^mirror\.openshift\.io\//;
const NEXT = 'mirror it with oc-mirror, or list its images';

/** Whether a document is one of oc-mirror's. */
export function isImageSet(document: Readonly<Record<string, unknown>>): boolean {
  return typeof document['apiVersion'] === 'string' && GROUP.test(document['apiVersion']);
}

/** Reads what a document mirrors. */
export function readImageSet(documents: readonly Field[], file: ForeignFile): ImportedRelease {
  const components = documents.flatMap((document) => {
    const kind = document.get('kind').text ?? '';
    if (kind !== 'ImageSetConfiguration') {
      file.refuse(document.at, `a document of kind ${shown(kind)} says nothing that is carried`);
      return [];
    }
    const mirror = document.get('mirror');
    const images = new ComponentDraft('additional-images');
    for (const image of mirror.get('additionalImages').items) readImage(image, images);
    const charts = new ComponentDraft('helm');
    readHelm(mirror.get('helm'), charts);
    leaveOthers(mirror);
    document.leaveUnknown(['apiVersion', 'kind', 'metadata', 'mirror', 'archiveSize', 'storageConfig']);
    return [images.finish(), charts.finish()];
  });
  return { components, unexpressed: file.unexpressed };
}

function readImage(image: Field, draft: ComponentDraft): void {
  const name = image.get('name').requiredText;
  if (name === undefined) return;
  if (/^oci:/.test(name)) {
    image.file.leave(
      image.at,
      `image ${shown(name)} is a directory of this machine: push it to a registry, and list that`,
    );
    return;
  }
  const platforms = image.get('platforms').items.flatMap((each) => platformOf(each));
  draft.addImage(image, name, { platforms });
  if (image.get('targetRepo').isThere || image.get('targetTag').isThere) {
    image.file.remark(
      image.at,
      `${shown(name)}: its other name is not taken over; a load takes --name-map for names at the target`,
    );
  }
  image.leaveUnknown(['name', 'platforms', 'targetRepo', 'targetTag']);
}

/** Written as text, or as its parts. */
function platformOf(field: Field): readonly string[] {
  if (field.isText) return field.text === undefined ? [] : [field.text];
  const parts = ['os', 'architecture', 'variant'].flatMap((key) => field.get(key).text || []);
  return parts.length === 0 ? [] : [parts.join('/')];
}

function readHelm(helm: Field, draft: ComponentDraft): void {
  const read = (chart: Field, repository: string | undefined): void => {
    const name = (repository === undefined ? chart.get('path') : chart.get('name')).requiredText;
    if (name === undefined) return;
    addChart(draft, chart, { chart: name, repository, version: chart.get('version').text || undefined });
    if (chart.get('imagePaths').isThere) {
      chart.file.remark(
        chart.get('imagePaths').at,
        `imagePaths of chart ${shown(name)} are not taken over: resolve finds images in rendered charts; see rules for places of your own`,
      );
    }
    chart.leaveUnknown(['name', 'version', 'path', 'imagePaths', 'platforms']);
  };
  for (const repository of helm.get('repositories').items) {
    const url = repository.get('url').requiredText;
    const charts = repository.get('charts').items;
    if (url !== undefined) for (const chart of charts) read(chart, url);
    if (charts.length === 0) {
      repository.file.leave(repository.at, `every chart of ${shown(url ?? '')}: list those that the release needs`);
    }
  }
  for (const chart of helm.get('local').items) read(chart, undefined);
  helm.leaveUnknown(['repositories', 'local']);
}

/** OpenShift's own payloads: what is in them only oc-mirror knows. */
function leaveOthers(mirror: Field): void {
  const { file } = mirror;
  const platform = mirror.get('platform');
  for (const channel of platform.get('channels').items) {
    file.leave(channel.at, `OpenShift release channel ${shown(channel.get('name').text ?? '')}: ${NEXT}`);
  }
  const payload = platform.get('release');
  if (payload.isThere) file.leave(payload.at, `OpenShift release ${shown(payload.text ?? '')}: ${NEXT}`);
  if (platform.get('graph').isTrue) file.leave(platform.get('graph').at, `graph data of OpenShift's updates: ${NEXT}`);
  for (const operator of mirror.get('operators').items) {
    const packages = operator.get('packages').items.map((each) => each.get('name').text ?? '');
    const which = packages.length === 0 ? 'all packages' : `packages ${packages.join(', ')}`;
    file.leave(operator.at, `operator catalog ${shown(operator.get('catalog').text ?? '')} (${shown(which)}): ${NEXT}`);
  }
  for (const sample of mirror.get('samples').items) {
    file.leave(sample.at, `sample images ${shown(sample.get('name').text ?? '')}: ${NEXT}`);
  }
  for (const blocked of mirror.get('blockedImages').items) {
    file.remark(
      blocked.at,
      `blocked image ${shown(blocked.get('name').text ?? '')}: a release carries only what it names`,
    );
  }
  mirror.leaveUnknown(['platform', 'operators', 'additionalImages', 'helm', 'blockedImages', 'samples']);
}
