import { render } from 'preact';
import { App } from './app.js';
import { listenToKeys } from './keyboard.js';
import { followLinks } from './router.js';
import './style/theme.css';
import './style/base.css';
import './style/frame.css';
import './style/controls.css';
import './style/parts.css';
import './style/table.css';
import { applyTheme, readTheme } from './theme.js';

applyTheme(readTheme());
followLinks();
listenToKeys();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
