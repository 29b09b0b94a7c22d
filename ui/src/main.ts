import { mount } from 'svelte';
import App from './App.svelte';
import { tauri } from './backend';

const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend: tauri } });
