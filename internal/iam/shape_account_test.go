package iam_test

var accountShapes = shapes{}
