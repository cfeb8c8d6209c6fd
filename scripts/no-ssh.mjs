// Stands in for ssh2 in the bundles: Docker Engines are reached over a socket or loopback only.
export class Client {
  constructor() {
    throw new Error('Docker Engines over SSH are not supported');
  }
}
