// Stands in, in the bundles, for what dockerode needs to reach Docker Engines over SSH and to build images with BuildKit.
export class Client {
  constructor() {
    throw new Error('Docker Engines over SSH are not supported');
  }
}
