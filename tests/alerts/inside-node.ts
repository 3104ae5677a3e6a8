import type { Platform } from '../kit/platform.ts';

/** Asks the inspector on the container's own loopback. The signal has just opened it: the first attempts may come too early. */
const ASK = `
  const [expression] = process.argv.slice(1);
  const { setTimeout: pause } = require('node:timers/promises');
  const list = async () => {
    for (let left = 40; ; left--) {
      try { return await (await fetch('http://127.0.0.1:9229/json/list')).json(); } catch (error) { if (left === 0) throw error; }
      await pause(250);
    }
  };
  const main = async () => {
    const [{ webSocketDebuggerUrl }] = await list();
    const socket = new WebSocket(webSocketDebuggerUrl);
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, returnByValue: true } }));
    socket.onmessage = ({ data }) => { console.log(data); process.exit(JSON.parse(data).result?.exceptionDetails ? 1 : 0); };
  };
  void main();`;

/** Lets a service's own process do something, as a debugger would: Node opens its inspector at SIGUSR1, until its next start. */
export async function insideNode(platform: Platform, service: string, expression: string): Promise<void> {
  await platform.signal(await platform.container(service), 'SIGUSR1');
  await platform.inside(service, 'node', '-e', ASK, expression);
}
