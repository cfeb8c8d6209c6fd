/** imgpkg's ImagesLock (`.imgpkg/images.yml`) and BundleLock. @see https://carvel.dev/imgpkg/docs/latest/resources/ */
import { ComponentDraft } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

const GROUP = /^imgpkg\.carvel\.dev\//;
/** What kbld resolved to the digest. */
const ORIGIN = 'kbld.carvel.dev/id';

/** Whether a document is one of imgpkg's. */
export function isImgpkg({ apiVersion }: Readonly<Record<string, unknown>>): boolean {
  return typeof apiVersion === 'string' && GROUP.test(apiVersion);
}

/** Reads the images, each by its digest. */
export function readImgpkg(documents: readonly Field[], file: ForeignFile): ImportedRelease {
  const draft = new ComponentDraft('images');
  for (const document of documents) {
    const kind = document.get('kind').text ?? '';
    if (kind === 'ImagesLock') {
      for (const image of document.get('images').items) readImage(image, draft);
    } else if (kind === 'BundleLock') {
      readBundle(document.get('bundle'), draft);
    } else {
      file.refuse(document.at, `a document of kind ${shown(kind)} names no images: import .imgpkg/images.yml`);
    }
  }
  return { components: [draft.finish()], unexpressed: file.unexpressed };
}

function readImage(image: Field, draft: ComponentDraft): void {
  const reference = image.get('image').requiredText;
  if (reference === undefined) return;
  const origin = image.get('annotations').get(ORIGIN).text;
  draft.addImage(image, reference, { note: origin === undefined ? undefined : `was ${origin}` });
  image.leaveUnknown(['image', 'annotations']);
}

function readBundle(bundle: Field, draft: ComponentDraft): void {
  const reference = bundle.get('image').requiredText;
  if (reference === undefined) return;
  draft.addImage(bundle, reference);
  bundle.file.leave(bundle.at, `images of the bundle ${shown(reference)}: pull it, and import its .imgpkg/images.yml`);
}
