// What a reload brings back. A browser that forbids storage, or has no more of it, remembers until the reload.

const remembered = new Map();

export const store = {
  get(name) {
    try {
      return remembered.get(name) ?? sessionStorage.getItem(`glm-tts-${name}`);
    } catch {
      return null;
    }
  },
  set(name, value) {
    remembered.set(name, value);
    try {
      sessionStorage.setItem(`glm-tts-${name}`, value);
    } catch {
      // it is remembered above
    }
  },
};
