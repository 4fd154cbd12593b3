#!/bin/sh
echo "nginx version: nginx/1.22.1" >&2
