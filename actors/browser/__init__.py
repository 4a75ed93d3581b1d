"""Chromium and the WhatsApp Web page in it. The only package that knows pyppeteer and wa-js."""
