package iam_test

var accessKeyShapes = shapes{}
