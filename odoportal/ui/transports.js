// Replaces the transports of Socket.IO that no page uses: Socket.IO skips a transport that is undefined.
export const XHR = undefined;
export const Fetch = undefined;
export const WT = undefined;
