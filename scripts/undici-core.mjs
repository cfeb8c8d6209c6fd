// Stands in for undici in the bundles: its connections and `request`, without fetch, WebSocket, caches and mocks, which
// nobody uses here and which every start of the program would have to load.
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import buildConnector from 'undici/lib/core/connect.js';
import request from 'undici/lib/api/api-request.js';

Dispatcher.prototype.request = request;

export { Agent, buildConnector, ProxyAgent };
