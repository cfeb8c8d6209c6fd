/** Compose files. @see https://github.com/compose-spec/compose-spec/blob/main/spec.md */
import { ComponentDraft, isTemplate } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

const RENDER = 'run `docker compose config > rendered.yaml` and import that';

/** Whether a document is a Compose file: services, and not a list of them. */
export function isCompose({ services, apiVersion }: Readonly<Record<string, unknown>>): boolean {
  return apiVersion === undefined && typeof services === 'object' && services !== null && !Array.isArray(services);
}

/** Reads the images of all services, whatever their profile. */
export function readCompose([document]: readonly Field[], file: ForeignFile): ImportedRelease {
  const draft = new ComponentDraft('services');
  if (document === undefined) return { components: [], unexpressed: file.unexpressed };
  for (const [name, service] of document.get('services').entries) readService(name, service, draft);
  const include = document.get('include');
  if (include.isThere) file.leave(include.at, `files that are included are not read: ${RENDER}`);
  for (const [name, model] of document.get('models').entries) {
    file.leave(
      model.at,
      `model ${shown(name)} (${shown(model.get('model').text ?? '')}) is no image: carry it as a file`,
    );
  }
  const title = document.get('name').text;
  return {
    name: title === undefined || isTemplate(title) ? undefined : title,
    components: [draft.finish()],
    unexpressed: file.unexpressed,
  };
}

function readService(name: string, service: Field, draft: ComponentDraft): void {
  const { file, at } = service;
  const image = service.get('image');
  const platform = service.get('platform').text || undefined;
  const platforms = platform === undefined || isTemplate(platform) ? undefined : [platform];
  const build = service.get('build');
  if (image.text) {
    draft.addImage(image, image.text, { platforms, render: RENDER, note: `service ${name}` });
    if (build.isThere) {
      file.remark(
        build.at,
        `service ${shown(name)} is built here: push ${shown(image.text)}, or write docker-daemon: in front of it`,
      );
    }
  } else if (build.isThere) {
    file.leave(
      build.at,
      `service ${shown(name)} is built and names no image: give it one, build and push it, and list it`,
    );
  } else if (service.get('extends').isThere) {
    file.leave(at, `service ${shown(name)} extends another: ${RENDER}`);
  } else if (service.get('provider').isThere) {
    file.leave(at, `service ${shown(name)} is run by a provider, not as a container`);
  } else {
    file.refuse(at, `service ${shown(name)} has neither image nor build`);
  }
  for (const volume of service.get('volumes').items) {
    if (volume.isText || volume.get('type').text !== 'image') continue;
    const source = volume.get('source').requiredText;
    if (source !== undefined)
      draft.addImage(volume, source, { platforms, render: RENDER, note: `volume of service ${name}` });
  }
}
