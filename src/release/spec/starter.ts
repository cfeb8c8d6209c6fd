/** The commented release.yaml that `airgap init` writes. */
import { SPEC_API_VERSION, SPEC_KIND } from './spec-schema.ts';

/** What a starter is filled with. */
export interface StarterOptions {
  /** DNS-like. @defaultValue `my-release` */
  readonly name?: string | undefined;
  /** @defaultValue `0.1.0` */
  readonly version?: string | undefined;
}

/** A valid release.yaml that names one public image and shows every field in comments. */
export function formatStarter(options: StarterOptions = {}): string {
  const { name = 'my-release', version = '0.1.0' } = options;
  return `# A release: everything that has to cross the air gap, named once.
# Next: airgap resolve release.yaml   pins every image to a digest in release.lock.json
#       airgap build release.yaml     writes one signed archive
apiVersion: ${SPEC_API_VERSION}
kind: ${SPEC_KIND}
name: ${name} # lower-case letters, digits and dashes; part of the archive's name
version: '${version}' # in quotes, so that 1.10 stays 1.10
channel: stable
# Grows with every release, so that a site that keeps a state refuses to go back to an older one.
# sequence: 1

# Fixes the time stamps for byte-identical rebuilds. Left out, the time of "airgap resolve" is kept in the lock.
# created: '2026-01-31T12:00:00Z'
# From then on sites refuse the release:
# expires: '2027-01-31T12:00:00Z'
# The signed checksums.txt lists files and image tarballs. "files" leaves the tarballs out, so that a delta (build --base) is built
# without reading what it leaves out; verify-and-load verifies every byte all the same, plain sha256sum the files alone.
# checksums: all

# os/architecture[/variant], or the word all for every platform an image has.
platforms:
  - linux/amd64
  - linux/arm64

# Signatures, attestations and SBOMs that stand beside the images in their registries travel with them. "require" insists on a
# signature of every image; "ignore" leaves them all behind.
# evidence: carry

# Whose signature images have to bear, checked at "airgap resolve". The first entry that matches decides; an image that none
# matches is refused. Keys are PEM files below this directory, as "cosign generate-key-pair" writes them; in the place of a key
# stand issuer, subject and trustedRoot of a signer with a certificate.
# imagePolicy:
#   - match: registry.example.com/team/*
#     signedBy:
#       - key: keys/team.pub
#   - match: '*'
#     unsigned: allowed

# Images that something in the release may pull, as "airgap discover" shows them: each is carried, or not and why.
# accept: [quay.io/acme/proxy:1.2]
# dismiss:
#   - image: docker.io/library/busybox:1
#     reason: only the chart's own tests run it
# More places that hold images, for kinds of resources that this tool does not know:
# rules:
#   - kind: Widget
#     path: spec.workers[*].image

# A component is a part that can be named and documented on its own. Paths are relative to this file and stay below it.
components:
  - name: app
    description: What this part is for.

    images:
      - docker.io/library/busybox:1.37.0
      # An image that does not exist for every platform:
      # - reference: registry.example.com/team/agent:2.1.0
      #   platforms: [linux/amd64]
      # An image built on this machine, taken from its Docker Engine:
      # - docker-daemon:app:dev

    # Text files with one reference a line; "#" begins a comment.
    # imageLists: [images.txt]

    # Helm charts: directories, or packages as they were published.
    # charts: [charts/app, vendor/redis-20.1.0.tgz, oci://registry.example.com/charts/db:1.2.3]
    # With more to say, each a mapping; the chart is rendered with every set of values, and the images of all are carried:
    #   - chart: charts/app
    #     values: [values/prod.yaml, [values/base.yaml, values/gpu.yaml]]
    #     kubeVersion: 1.34.0
    #     apiVersions: [monitoring.coreos.com/v1]

    # Kubernetes YAML, files or directories. The images they name are carried too.
    # manifests: [manifests]
    # Files among them that hold no resources, such as dashboards: carried, but not read.
    # ignore: ['*.json']

    # Documents for the people at the other side.
    # docs: [docs/install.md]

    # Extra files, each pinned: openssl dgst -sha256 -binary FILE | base64
    # files:
    #   - path: vendor/tool.bin
    #     integrity: sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
    #     as: tool
`;
}
